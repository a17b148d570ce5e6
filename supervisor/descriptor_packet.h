// SPDX-License-Identifier: Apache-2.0
//
// Open files on their way from one process of leasehold to another, in one packet of a SOCK_SEQPACKET socket
// (unix(7), SCM_RIGHTS), with a few words that say which is which.
//
// Threads: any, one at a time for each socket.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace leasehold::supervisor {

struct DescriptorPacket {
    std::vector<std::string> names;  // of the first ones; without a newline
    std::vector<int> fds;            // received ones are close-on-exec, and whoever received them owns them
};

// Does not wait for the receiver. Fails with more than 253 descriptors, and when the other end is gone.
Result<void> send_descriptors(int socket, const DescriptorPacket& packet);

// Waits. Without descriptors: the other end was closed.
Result<DescriptorPacket> receive_descriptors(int socket);

}  // namespace leasehold::supervisor
