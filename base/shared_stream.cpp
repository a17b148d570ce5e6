// SPDX-License-Identifier: Apache-2.0
#include "base/shared_stream.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace leasehold {
namespace {

// The last resort, on the shared description: a pipe that is ready takes PIPE_BUF bytes without waiting (pipe(7)).
ssize_t write_if_ready(int fd, std::string_view text) {
    pollfd ready{fd, POLLOUT, 0};
    if (poll(&ready, 1, 0) == 1 && (ready.revents & (POLLOUT | POLLERR)) != 0) {
        return ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    }
    errno = EAGAIN;
    return -1;
}

}  // namespace

// Opening /proc/self/fd/N gives a file description of our own, whose O_NONBLOCK does not touch the one that the
// workload shares with us (proc(5)). It is refused for sockets, where /proc is missing, and to a user who does not own
// the pipe (after a change of user). A regular file never makes anyone wait, and its offset has to be shared: otherwise
// we and the workload would overwrite each other.
SharedStream::SharedStream(int fd) {
    struct stat info {};
    if (fstat(fd, &info) != 0) return;
    fd_ = fd;
    is_socket_ = S_ISSOCK(info.st_mode);
    is_file_ = S_ISREG(info.st_mode);
    if (is_file_) {
        own_.reset(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    } else if (!is_socket_) {
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        own_.reset(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    }
}

ssize_t SharedStream::write_once(std::string_view text) const {
    if (is_socket_) return send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return own_ ? ::write(own_.get(), text.data(), text.size()) : write_if_ready(fd_, text);
}

ssize_t SharedStream::write(std::string_view text) const {
    ssize_t written = -1;
    do {
        written = write_once(text);
    } while (written < 0 && errno == EINTR);
    return written;
}

}  // namespace leasehold
