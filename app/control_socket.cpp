// SPDX-License-Identifier: Apache-2.0
#include "app/control_socket.h"

#include <cerrno>
#include <chrono>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "app/unix_address.h"

namespace leasehold::app {
namespace {

constexpr int kWaitingToAccept = 16;
constexpr int kPatienceMs = 2000;  // with another start that is in the same folder
constexpr int kPauseMs = 20;
constexpr std::size_t kLongestAnswer = std::size_t{1} << 20;

std::string about(const std::string& path) { return "control.socket: " + path + ": "; }

// Two that start at once must not both find nobody there. The lock goes with the descriptor.
Result<UniqueFd> lock_folder(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == 0 ? "/" : path.substr(0, slash);
    UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        if (errno == ENOENT) {
            return failure(about(path) + "there is no folder " + folder +
                           "; make it, writable for the user that runs leasehold (RuntimeDirectory= of a systemd unit "
                           "does)");
        }
        return system_failure(about(path) + folder);
    }
    for (int waited = 0; flock(fd.get(), LOCK_EX | LOCK_NB) != 0; waited += kPauseMs) {
        if (errno != EWOULDBLOCK) return system_failure(about(path) + "locking " + folder);
        if (waited > kPatienceMs) return failure(about(path) + "somebody else keeps the folder " + folder + " locked");
        poll(nullptr, 0, kPauseMs);
    }
    return fd;
}

// Whoever accepts connections there lives, even if it is stopped.
Result<void> clear_the_way(const std::string& path, const UnixAddress& address) {
    struct stat file {};
    if (lstat(path.c_str(), &file) != 0) {
        if (errno == ENOENT) return {};
        return system_failure(about(path) + "lstat");
    }
    if (!S_ISSOCK(file.st_mode)) {
        return failure(about(path) + "is there, and is not a socket; remove it, or choose another path");
    }
    const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) return system_failure(about(path) + "socket");
    if (connect(probe.get(), address.get(), address.size()) == 0 || errno == EAGAIN) {
        return failure(about(path) +
                       "another leasehold, which is running, answers there; give each its own path, with a variable "
                       "for instance: /run/leasehold/${INSTANCE}.sock");
    }
    if (errno != ECONNREFUSED) return system_failure(about(path) + "is there, and cannot be asked who it belongs to");
    if (unlink(path.c_str()) != 0) return system_failure(about(path) + "the socket of one that has ended stays");
    return {};
}

}  // namespace

Result<UniqueFd> open_control_socket(const std::string& path) {
    const auto address = UnixAddress::of(path);
    if (!address) return failure(about(path) + "is too long for a socket");
    const auto lock = lock_folder(path);
    if (!lock) return tl::unexpected<Error>(lock.error());
    if (auto clear = clear_the_way(path, *address); !clear) return tl::unexpected<Error>(clear.error());

    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return system_failure(about(path) + "socket");
    const mode_t before = umask(0177);  // so that it is nobody else's from the first moment
    const bool bound = bind(fd.get(), address->get(), address->size()) == 0;
    const int problem = errno;
    umask(before);
    if (!bound) return system_failure(about(path) + "cannot be made", problem);
    if (listen(fd.get(), kWaitingToAccept) != 0) return system_failure(about(path) + "listen");
    return fd;
}

FileId file_at(const std::string& path) {
    struct stat file {};
    return lstat(path.c_str(), &file) == 0 ? FileId{file.st_dev, file.st_ino} : FileId{};
}

void remove_control_socket(const std::string& path, const FileId& file) {
    // One that cannot be removed is replaced by the next start.
    if (file != FileId{} && file_at(path) == file) (void)unlink(path.c_str());
}

Result<std::string> ask_over_socket(const std::string& path, const std::string& line, Duration patience) {
    const auto address = UnixAddress::of(path);
    if (!address) return failure(path + " is too long for a socket");
    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return system_failure("socket");
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(patience);
    const timeval limit{seconds.count(), 0};
    if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
        return system_failure("setsockopt");
    }
    const std::string nobody = "no leasehold answers at " + path + ": ";
    if (connect(fd.get(), address->get(), address->size()) != 0) {
        switch (errno) {
            case ENOENT:
            case ENOTDIR:
                return failure(nobody + "there is no such socket; start leasehold with this path as control.socket");
            case ECONNREFUSED: return failure(nobody + "the one that made the socket has ended; start it again");
            case EACCES:
            case EPERM: return failure(nobody + "only root, and the user that runs it, may ask; try sudo");
            case EAGAIN: return failure(nobody + "it is stopped or hung, and others wait already");
            default: return system_failure(nobody + "connect");
        }
    }
    if (send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
        return system_failure(nobody + "send");
    }
    std::string answer;
    char buffer[4096];
    while (answer.find('\n') == std::string::npos && answer.size() < kLongestAnswer) {
        const ssize_t size = recv(fd.get(), buffer, sizeof buffer, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return failure(nobody + "it is there, but its agent is stopped, hung, or cannot be started; see its log");
        }
        if (size <= 0) return failure(nobody + "it has ended, or its agent has, before it answered; ask again");
        answer.append(buffer, static_cast<std::size_t>(size));
    }
    return answer.substr(0, answer.find('\n'));
}

}  // namespace leasehold::app
