// SPDX-License-Identifier: Apache-2.0
//
// The sending side of sd_notify(3).
#pragma once

#include <string>

namespace leasehold::harness {

// `socket` as NOTIFY_SOCKET has it: "@name". Waits for room in the queue, if asked to. 0, or errno.
int send_notice(const std::string& socket, const std::string& text, bool wait = true);

// A program that says things, each argument at once, and becomes another one:
// notifier [--for-ever] TEXT... -- COMMAND ARG...
std::string notifier_program();

}  // namespace leasehold::harness
