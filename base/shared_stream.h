// SPDX-License-Identifier: Apache-2.0
//
// Writing to a standard stream that others write to as well, without ever waiting for its reader, and without changing
// the descriptor that the others use: O_NONBLOCK belongs to the open file, not to the descriptor (fcntl(2)).
//
// Threads: write() from any once the object is made.
#pragma once

#include <string_view>

#include <sys/types.h>

#include "base/fd.h"

namespace leasehold {

class SharedStream {
public:
    SharedStream() = default;  // not open

    // `fd` stays open elsewhere for as long as this object.
    explicit SharedStream(int fd);

    explicit operator bool() const { return fd_ >= 0; }
    bool is_file() const { return is_file_; }  // a regular one, which takes what it is given as a whole

    // As write(2), but for EINTR: how much was taken, or -1 and errno; EAGAIN when that is nothing at the moment. Does
    // not raise SIGPIPE on a socket; on a pipe that is for the caller to ignore.
    ssize_t write(std::string_view text) const;

    // Polls EPOLLOUT after EAGAIN.
    int poll_fd() const { return own_ ? own_.get() : fd_; }

private:
    ssize_t write_once(std::string_view text) const;

    int fd_ = -1;
    UniqueFd own_;  // opened anew, non-blocking
    bool is_socket_ = false;
    bool is_file_ = false;
};

}  // namespace leasehold
