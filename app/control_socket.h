// SPDX-License-Identifier: Apache-2.0
//
// Both ends of the control socket: a unix(7) stream socket in the file system that only its owner may connect to.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace leasehold::app {

// Makes the socket and listens; close-on-exec, non-blocking. What a leasehold that has ended left at this place is
// replaced; a living one's, and what is no socket, is refused. Blocks for a moment while another start does the same.
// Only while the process has one thread: it changes the umask meanwhile.
Result<UniqueFd> open_control_socket(const std::string& path);

// Which file a path leads to at this moment; and the removal of that very file, at the end.
struct FileId {
    unsigned long device = 0;
    unsigned long inode = 0;

    friend bool operator==(const FileId&, const FileId&) = default;
};
FileId file_at(const std::string& path);  // zeros: there is none
void remove_control_socket(const std::string& path, const FileId& file);

// Sends a line to whoever listens there, and returns the line of the answer. Blocks up to `patience` for each step.
// Errors say what to do.
Result<std::string> ask_over_socket(const std::string& path, const std::string& line, Duration patience);

}  // namespace leasehold::app
