// SPDX-License-Identifier: Apache-2.0
#include "supervisor/messages.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include <sys/socket.h>
#include <sys/uio.h>

namespace leasehold::supervisor {
namespace {

struct Header {
    std::uint32_t version = kProtocolVersion;
    std::uint32_t kind = 0;  // index in Message
};

constexpr std::size_t kMaxPacket = 512;
constexpr std::size_t kMaxFds = 4;  // room to notice, and close, more than the one that is expected

using Packet = std::array<char, kMaxPacket>;
union Control {
    cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * kMaxFds)];
};

// What a packet can hold that its type cannot: a truth that is neither, a word that there is none for, an instant with
// which no arithmetic is possible. Whoever talks to the network must not be able to bring the others to that.
bool is_truth(const bool& value) {
    unsigned char byte = 0;
    std::memcpy(&byte, &value, sizeof byte);
    return byte <= 1;
}

template <class... Truth>
bool are_truths(const Truth&... values) {
    return (is_truth(values) && ...);
}

template <class Word>
bool is_word(Word value, Word last) {
    return static_cast<std::uint32_t>(value) <= static_cast<std::uint32_t>(last);
}

bool is_instant(Instant at) {
    constexpr Duration kLongest = std::chrono::hours(24 * 366 * 70);
    return std::min(at.boot, at.raw) >= Duration::zero() && std::max(at.boot, at.raw) <= kLongest;
}

template <class Body>
bool is_sound(const Body&) {
    return true;
}
bool is_sound(const GrantMessage& m) { return is_instant(m.grant.soft) && is_instant(m.grant.hard); }
bool is_sound(const RevokeMessage& m) { return is_word(m.mode, StopMode::kill); }
bool is_sound(const StopMessage& m) { return is_word(m.mode, StopMode::kill); }
bool is_sound(const PauseMessage& m) { return is_truth(m.paused); }
bool is_sound(const UnhealthyMessage& m) { return is_word(m.reason, UnhealthyMessage::Reason::never_ready); }
bool is_sound(const StandingMessage& m) { return are_truths(m.standby, m.news); }
bool is_sound(const HelloMessage& m) {
    return is_word(m.phase, TermMachine::Phase::holding) && are_truths(m.goes_on, m.paused, m.ready, m.executed);
}
bool is_sound(const ExitedMessage& m) { return is_truth(m.by_signal); }
bool is_sound(const EmptyMessage& m) { return are_truths(m.had_tree, m.ending, m.resigned); }
bool is_sound(const PausedMessage& m) { return is_truth(m.starts); }
bool is_sound(const ProbedMessage& m) {
    return is_word(m.what, Probed::candidacy) && is_word(m.outcome.kind, ExecOutcome::Kind::unusable) &&
           are_truths(m.outcome.failing, m.outcome.passing);
}
bool is_sound(const StandbyMessage& m) {
    return is_word(m.state, StandbyMessage::State::backoff) && are_truths(m.repeated, m.has_ended, m.executed);
}
bool is_sound(const HookMessage& m) {
    return is_word(m.hook, Hook::after_stop) && is_word(m.outcome.kind, HookOutcome::Kind::too_late);
}
bool is_sound(const StatusMessage& m) { return is_truth(m.ready); }
bool is_sound(const ReloadOutcomeMessage& m) { return is_truth(m.refused); }

template <std::size_t... Kind>
std::optional<Message> decode(std::uint32_t kind, const char* body, std::size_t size, std::index_sequence<Kind...>) {
    std::optional<Message> message;
    const auto attempt = [&]<std::size_t Index>() {
        using Body = std::variant_alternative_t<Index, Message>;
        static_assert(std::is_trivially_copyable_v<Body> && sizeof(Header) + sizeof(Body) <= kMaxPacket);
        if (kind != Index || size != sizeof(Body)) return;
        Body value;
        std::memcpy(static_cast<void*>(&value), body, sizeof value);
        if (is_sound(value)) message = value;
    };
    (attempt.template operator()<Kind>(), ...);
    return message;
}

// Takes every descriptor that came along, so that none can leak; the first is the one that is meant.
UniqueFd take_descriptors(msghdr& packet) {
    UniqueFd first;
    for (cmsghdr* part = CMSG_FIRSTHDR(&packet); part != nullptr; part = CMSG_NXTHDR(&packet, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            UniqueFd owned(fd);
            if (!first) first = std::move(owned);
        }
    }
    return first;
}

}  // namespace

Result<std::pair<Channel, Channel>> Channel::pair() {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return system_failure("socketpair");
    }
    return std::pair(Channel(UniqueFd(ends[0])), Channel(UniqueFd(ends[1])));
}

Result<void> Channel::send(const Message& message, int fd) const {
    if (!socket_) return failure("the connection is closed", ENOTCONN);
    Packet packet{};
    const Header header{kProtocolVersion, static_cast<std::uint32_t>(message.index())};
    std::memcpy(packet.data(), &header, sizeof header);
    const std::size_t size = std::visit(
        [&](const auto& body) {
            std::memcpy(packet.data() + sizeof header, &body, sizeof body);
            return sizeof header + sizeof body;
        },
        message);
    iovec part{packet.data(), size};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    Control control{};
    if (fd >= 0) {
        head.msg_control = control.bytes;
        head.msg_controllen = CMSG_SPACE(sizeof fd);
        cmsghdr* const rights = CMSG_FIRSTHDR(&head);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    ssize_t sent = -1;
    do {
        sent = sendmsg(socket_.get(), &head, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return system_failure("sending to another process of leasehold");
    return {};
}

Result<std::optional<Received>> Channel::receive() const {
    if (!socket_) return failure("the connection is closed", ENOTCONN);
    Packet packet{};
    Control control{};
    iovec part{packet.data(), packet.size()};
    msghdr head{};
    ssize_t size = -1;
    do {
        head = {};
        head.msg_iov = &part;
        head.msg_iovlen = 1;
        head.msg_control = control.bytes;
        head.msg_controllen = sizeof control.bytes;
        size = recvmsg(socket_.get(), &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        // ECONNRESET is told once, when the peer went without reading everything of ours; what it sent is still there.
    } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
    if (size < 0) return system_failure("receiving from another process of leasehold");
    if (size == 0) return failure("the other process has closed the connection", ENOTCONN);

    UniqueFd fd = take_descriptors(head);
    Header header{0, 0};
    const auto bytes = static_cast<std::size_t>(size);
    if (bytes < sizeof header || (head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        return failure("a packet of another process of leasehold is cut off", EBADMSG);
    }
    std::memcpy(&header, packet.data(), sizeof header);
    if (header.version != kProtocolVersion) {
        return failure("another process of leasehold speaks version " + std::to_string(header.version), EPROTO);
    }
    auto message = decode(header.kind, packet.data() + sizeof header, bytes - sizeof header,
                          std::make_index_sequence<std::variant_size_v<Message>>());
    if (!message) return failure("another process of leasehold sent something unknown or damaged", EBADMSG);
    return Received{*message, std::move(fd)};
}

}  // namespace leasehold::supervisor
