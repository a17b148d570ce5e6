// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/notices.h"

#include <cerrno>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace leasehold::harness {

int send_notice(const std::string& socket, const std::string& text, bool wait) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() < 2 || socket[0] != '@' || socket.size() >= sizeof address.sun_path) return EINVAL;
    std::memcpy(address.sun_path, socket.data(), socket.size());
    address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    const bool sent = sendto(fd, text.data(), text.size(), wait ? 0 : MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&address), size) >= 0;
    const int problem = sent ? 0 : errno;
    close(fd);
    return problem;
}

std::string notifier_program() { return NOTIFIER_PROGRAM; }

}  // namespace leasehold::harness
