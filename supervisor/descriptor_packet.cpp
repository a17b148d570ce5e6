// SPDX-License-Identifier: Apache-2.0
#include "supervisor/descriptor_packet.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <sys/socket.h>
#include <unistd.h>

namespace leasehold::supervisor {
namespace {

constexpr std::size_t kMostDescriptors = 253;  // SCM_MAX_FD, unix(7)
constexpr std::size_t kMostText = 1024;        // names are our own

struct Envelope {
    msghdr head{};
    iovec part{};
    std::array<char, kMostText> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};

    explicit Envelope(std::size_t size) {
        part = {text.data(), size};
        head.msg_iov = &part;
        head.msg_iovlen = 1;
        head.msg_control = control.data();
        head.msg_controllen = control.size();
    }
    Envelope(const Envelope&) = delete;
    Envelope& operator=(const Envelope&) = delete;
};

// Each followed by a newline, and one more, so that there is something to send.
std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += name + '\n';
    return text + '\n';
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> names;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos && end > 0; end = text.find('\n')) {
        names.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return names;
}

}  // namespace

Result<void> send_descriptors(int socket, const DescriptorPacket& packet) {
    if (packet.fds.size() > kMostDescriptors) {
        return failure("these are more addresses to listen on than leasehold can keep open; give fewer");
    }
    const std::string text = joined(packet.names);
    if (text.size() > kMostText) return failure("too many names of files for another process of leasehold");
    Envelope message(text.size());
    std::memcpy(message.text.data(), text.data(), text.size());
    const std::size_t size = packet.fds.size() * sizeof(int);
    message.head.msg_controllen = CMSG_SPACE(size);
    cmsghdr* const rights = CMSG_FIRSTHDR(&message.head);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(rights), packet.fds.data(), size);
    ssize_t sent = -1;
    do {
        sent = sendmsg(socket, &message.head, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return system_failure("handing files to another process of leasehold");
    return {};
}

Result<DescriptorPacket> receive_descriptors(int socket) {
    Envelope message(kMostText);
    ssize_t received = -1;
    do {
        received = recvmsg(socket, &message.head, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) return system_failure("taking files over from another process of leasehold");
    DescriptorPacket packet;
    if (received == 0) return packet;
    packet.names = split({message.text.data(), static_cast<std::size_t>(received)});
    const cmsghdr* const rights = CMSG_FIRSTHDR(&message.head);
    if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
        packet.fds.resize((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        std::memcpy(packet.fds.data(), CMSG_DATA(rights), packet.fds.size() * sizeof(int));
    }
    // With too small a limit of open files some do not arrive (MSG_CTRUNC).
    if (packet.fds.empty() || packet.fds.size() < packet.names.size() || (message.head.msg_flags & MSG_CTRUNC) != 0) {
        return failure("leasehold may not open as many files as it needs; raise the limit (ulimit -n)");
    }
    return packet;
}

}  // namespace leasehold::supervisor
