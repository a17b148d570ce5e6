// SPDX-License-Identifier: Apache-2.0
//
// An init around a workload, started as the case wants it: on pipes or on a terminal of its own, as PID 1 or not.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "tests/harness/candidate.h"

namespace leasehold::init_test {

enum class Init {
    leasehold,
    leasehold_process,  // workload.signals.to: process
    tini,
    tini_group,
    dumb_init,
    dumb_init_single,
    bare,  // no init at all
    shell,
    no_reaper,
    deaf,
    leaky,
};

const char* name_of(Init init);
bool is_leasehold(Init init);

bool can_be_pid_1();  // whether this user may make PID namespaces

struct Setting {
    bool terminal = false;     // a new session's controlling terminal, else pipes
    bool pid_1 = false;        // in a PID namespace
    bool dirty = false;        // USR1 blocked and HUP ignored by whoever starts the init
    bool rewriting = false;    // HUP becomes USR1, USR2 is dropped
    std::string session = {};  // "@session": that is the session's leader, and the init its job
};

// The command line that runs `command` under this init. Files that leasehold needs are made in `folder`.
std::vector<std::string> command_line(Init init, const std::vector<std::string>& command, const std::string& folder,
                                      bool rewriting = false);

// This program in another role.
std::vector<std::string> role(const std::string& name, const std::string& argument = {});

// bash, with the prompt "ready> ".
std::vector<std::string> interactive_shell();

class Subject {
public:
    Subject(const std::vector<std::string>& arguments, const Setting& setting);
    // Kills whatever is left below this test.
    ~Subject();
    Subject(const Subject&) = delete;
    Subject& operator=(const Subject&) = delete;

    pid_t init() const { return init_; }  // as seen from here
    void signal(int number) const;
    void type(const std::string& text) const;
    void resize(unsigned short rows, unsigned short columns) const;
    pid_t foreground() const;  // the process group that has its terminal
    void close_input();
    void hang_up();

    // Waits until it has said this, after what was waited for before.
    bool says(const std::string& text, std::chrono::milliseconds limit);
    // What it has said since.
    const std::string& heard();
    // Its exit status, or 128 + signal; nothing when it does not end in that time.
    std::optional<int> ends(std::chrono::milliseconds limit);
    std::string errors() const;

private:
    void hear();

    harness::TempFolder folder_;
    UniqueFd input_;
    UniqueFd output_;
    pid_t started_ = -1;
    pid_t init_ = -1;
    std::string heard_;
    std::optional<int> status_;
};

}  // namespace leasehold::init_test
