// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include <sys/resource.h>
#include <unistd.h>

#include "tests/process/roles.h"

namespace leasehold::process_test {
namespace {

[[noreturn]] void relay() {
    for (;;) {
        if (fork() > 0) _exit(0);  // a failed fork is tried again
        setsid();
    }
}

}  // namespace

int workload_main(const std::string& name, const std::vector<std::string>& arguments) {
    if (!arguments.empty()) return shape_main(name, arguments);
    if (name == "@relay") {
        if (fork() == 0) relay();
        for (;;) pause();
    }
    if (name == "@idle") {
        for (;;) pause();
    }
    std::cerr << "unknown workload " << name << "\n";
    return 2;
}

}  // namespace leasehold::process_test
