// SPDX-License-Identifier: Apache-2.0
//
// The cases: each is a function that says what is wrong with an init, or nothing. A table tells which inits have to
// pass it and which must not, be it that they are made to behave otherwise or that they are broken on purpose. That the
// latter are caught is what makes the case worth something.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/init/subject.h"

namespace leasehold::init_test {

struct Trial {
    Init init;
    std::chrono::milliseconds limit;  // for what is expected to happen; short where it is not
    std::string folder;
};

using Case = std::string (*)(const Trial&);  // empty: as it should be

struct Row {
    const char* name;
    Case run;
    std::vector<Init> pass;
    std::vector<Init> fail;
    bool as_pid_1 = false;
};

std::vector<Row> process_rows();   // exit codes, signals, reaping, streams
std::vector<Row> terminal_rows();  // what needs a terminal

// Like a test's assertions, for a case: ends it with what is wrong.
#define NEED(condition, subject)                                                                                 \
    do {                                                                                                         \
        if (!(condition))                                                                                        \
            return std::string(#condition " does not hold; it said: ") + (subject).heard() + (subject).errors(); \
    } while (false)

}  // namespace leasehold::init_test
