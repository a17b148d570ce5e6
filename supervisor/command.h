// SPDX-License-Identifier: Apache-2.0
//
// A command and an environment, made ready before a fork for execution after it, in the way of execvp(3) but without
// its shell: a file without a known format is not handed to /bin/sh.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace leasehold::supervisor {

// The files that execvp(3) would try for `command` with this PATH, in order.
std::vector<std::string> candidates(const std::string& command, const std::string& path);

// "NAME=value" lines: `inherited`, then `added`, which wins over an inherited variable of the same name.
std::vector<std::string> merged_environment(const char* const* inherited,
                                            const std::map<std::string, std::string>& added);

// The value of PATH in these lines; execvp's default where there is none.
std::string path_of(const std::vector<std::string>& environment);

class Executable {
public:
    // `command` must not be empty.
    Executable(std::vector<std::string> command, std::vector<std::string> environment);
    Executable(const Executable&) = delete;
    Executable& operator=(const Executable&) = delete;

    // Replaces the process; async-signal-safe. Returns errno: only when nothing could be executed.
    int execute() const;

    const std::string& name() const { return command_.front(); }
    const std::string& path() const { return path_; }

private:
    std::vector<std::string> command_;
    std::vector<std::string> environment_;
    std::string path_;
    std::vector<std::string> files_;
    std::vector<char*> argv_;
    std::vector<char*> envp_;
};

// The exit status that a failed execution stands for, and a sentence for people.
int status_of_failure(const std::string& command, const std::string& path, int problem, std::string& sentence);

}  // namespace leasehold::supervisor
