// SPDX-License-Identifier: Apache-2.0
//
// What this test program is besides a test program, by its first argument.
//
// Workloads:
//   @report [deaf]   says "up", then every signal it gets and whether its group has the terminal: "got USR1 fg=0". TERM
//                    ends it with status 7 (not when deaf), INT with 9. On standard input it takes "exit N", "size".
//   @pair            two of them in one process group: "main got USR1", "child got USR1"
//   @orphans N       leaves N orphans that end at once; ends with 0 once no zombie is left, else with 1
//   @daemon          leaves a process in a session of its own behind, says its id, ends with 0
//   @reader          says "up", then what it reads: one line, "read hello fg=1"
//   @signals         says which signals it finds blocked and ignored: "blocked=0 ignored=0"
//
// Inits with one thing wrong each, for the cases to catch; and none at all:
//   @no-reaper COMMAND...   waits for its own child only
//   @deaf COMMAND...        hands no signal on, and keeps the terminal
//   @leaky COMMAND...       lets its child inherit what it blocks and ignores
//   @bare COMMAND...        is the command
//
//   @session COMMAND...     runs it in the foreground, as a shell does; then says "terminal given back" or "kept"
#pragma once

#include <string>
#include <vector>

namespace leasehold::init_test {

// As it is written above: "USR1", "RTMIN+3".
std::string name_of_signal(int signal);

inline constexpr const char* kInterrupt = "\x03";  // typed at a terminal

int workload_main(const std::string& role, const std::vector<std::string>& arguments);
int bad_init_main(const std::string& role, const std::vector<std::string>& arguments);

}  // namespace leasehold::init_test
