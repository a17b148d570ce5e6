// SPDX-License-Identifier: Apache-2.0
//
// The command line: what `leasehold ...` does before it becomes one of the three processes, if it does at all.
#pragma once

namespace leasehold::app {

// Returns the exit status; does not return from a successful `run`, which becomes the guardian.
int command_line(int argc, char** argv);

}  // namespace leasehold::app
