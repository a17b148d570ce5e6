// SPDX-License-Identifier: Apache-2.0
//
// The words that ps(1) shows of this process, /proc/PID/cmdline. A role that was not executed as one would show those
// of the guardian, and `pkill -f` would take the three for one.
//
// Threads: the main one, before there are others.
#pragma once

namespace leasehold::supervisor {

// By main(), first of all.
void remember_command_line(int argc, char** argv);

// From now on "<program> <role>", as far as there is room. Whoever still reads the arguments that main() was given
// reads nonsense. Does nothing when they were not remembered, or there are none.
void show_command_line_as(const char* role);

}  // namespace leasehold::supervisor
