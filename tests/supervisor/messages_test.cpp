// SPDX-License-Identifier: Apache-2.0
#include "supervisor/messages.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

using std::chrono::seconds;

std::pair<Channel, Channel> connected() {
    auto ends = Channel::pair();
    EXPECT_TRUE(ends) << ends.error().message;
    return std::move(*ends);
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    DIR* const folder = opendir("/proc/self/fd");
    while (readdir(folder) != nullptr) ++count;
    closedir(folder);
    return count;
}

template <class Body>
Body through(const Body& body) {
    auto [left, right] = connected();
    EXPECT_TRUE(left.send(body));
    auto received = right.receive();
    EXPECT_TRUE(received && *received);
    return std::get<Body>((*received)->message);
}

TEST(Channel, carries_every_field) {
    const TermGrant grant{3, 41, 7, Instant{seconds(1), seconds(2)}, Instant{seconds(3), seconds(4)}};
    EXPECT_EQ(through(GrantMessage{grant}).grant, grant);
    EXPECT_EQ(through(RevokeMessage{9, StopMode::kill}).mode, StopMode::kill);
    EXPECT_EQ(through(PingMessage{5}).number, 5U);
    EXPECT_EQ(through(RestartMessage{6}).term, 6U);
    EXPECT_TRUE(through(PauseMessage{true}).paused);
    StandingMessage standing{true, true, {}};
    standing.leader.fill('l');
    const auto stands = through(standing);
    EXPECT_TRUE(stands.standby && stands.news);
    EXPECT_EQ(stands.leader, standing.leader);
    const auto standby =
        through(StandbyMessage{StandbyMessage::State::backoff, true, true, 7, 78, seconds(9), false, 4});
    EXPECT_EQ(standby.state, StandbyMessage::State::backoff);
    EXPECT_TRUE(standby.repeated && standby.has_ended && !standby.executed && standby.starts == 4);
    EXPECT_EQ(standby.exit_status, 7);
    EXPECT_EQ(standby.pid, 78);
    EXPECT_EQ(standby.start_in, Duration(seconds(9)));
    (void)through(ReloadMessage{});
    (void)through(NewConfigMessage{});
    (void)through(NewSpecMessage{});
    (void)through(ReplacedMessage{});
    EXPECT_EQ(through(ReloadOutcomeMessage{true, 9}).number, 9U);
    const auto hello =
        through(HelloMessage{TermMachine::Phase::stopping, grant, 2, 77, true, true, true, true, grant.soft});
    EXPECT_EQ(hello.phase, TermMachine::Phase::stopping);
    EXPECT_EQ(hello.grant, grant);
    EXPECT_EQ(hello.closed_through, 2U);
    EXPECT_EQ(hello.pid, 77);
    EXPECT_TRUE(hello.goes_on && hello.paused && hello.ready && hello.executed);
    EXPECT_EQ(hello.executed_at, grant.soft);
    EXPECT_EQ(through(StartedMessage{1, 88}).pid, 88);
    EXPECT_EQ(through(ExitedMessage{1, true, 143}).exit_status, 143);
    EXPECT_EQ(through(StoppingMessage{6}).term, 6U);
    EXPECT_EQ(through(KilledMessage{6}).term, 6U);
    const auto empty = through(EmptyMessage{4, seconds(1), seconds(-2), true});
    EXPECT_EQ(empty.lease_left, seconds(-2));
    EXPECT_TRUE(empty.had_tree);
    EXPECT_EQ(through(PongMessage{5}).number, 5U);
    const auto sick = through(UnhealthyMessage{6, 99, UnhealthyMessage::Reason::never_ready});
    EXPECT_EQ(sick.pid, 99);
    EXPECT_EQ(sick.reason, UnhealthyMessage::Reason::never_ready);
    EXPECT_EQ(through(ReadyMessage{6, 99}).pid, 99);
    const auto probed = through(ProbedMessage{6, 99, Probed::ready, {ExecOutcome::Kind::failed, 3, 2, true}});
    EXPECT_EQ(probed.what, Probed::ready);
    EXPECT_EQ(probed.outcome.kind, ExecOutcome::Kind::failed);
    EXPECT_EQ(probed.outcome.detail, 3);
    EXPECT_TRUE(probed.outcome.failing);
    EXPECT_EQ(through(StopMessage{StopMode::kill}).mode, StopMode::kill);
    EXPECT_EQ(through(SignalMessage{64}).signal, 64);
    through(ResumedMessage{});
    through(NewPeerMessage{});
    through(SupervisorGoneMessage{});
    EXPECT_EQ(through(TreeEmptiedMessage{8}).closed_through, 8U);
    EXPECT_EQ(through(WorkloadEndedMessage{3}).exit_status, 3);
    EXPECT_EQ(through(GiveUpMessage{124}).exit_status, 124);
    EXPECT_EQ(through(WorkloadStoppedMessage{SIGTSTP}).signal, SIGTSTP);
}

// As an agent could that somebody has taken over.
template <class Body>
int refusal_of(const Body& body, std::size_t at, unsigned char byte) {
    auto [left, right] = connected();
    EXPECT_TRUE(left.send(body));
    std::array<char, 512> packet{};
    const ssize_t size = recv(right.fd(), packet.data(), packet.size(), 0);
    packet.at(8 + at) = static_cast<char>(byte);
    EXPECT_EQ(send(left.fd(), packet.data(), static_cast<std::size_t>(size), 0), size);
    const auto received = right.receive();
    return received ? 0 : received.error().code;
}

TEST(Channel, refuses_what_no_type_can_hold) {
    EXPECT_EQ(refusal_of(PauseMessage{}, offsetof(PauseMessage, paused), 1), 0);
    EXPECT_EQ(refusal_of(PauseMessage{}, offsetof(PauseMessage, paused), 2), EBADMSG);
    EXPECT_EQ(refusal_of(StandingMessage{}, offsetof(StandingMessage, news), 255), EBADMSG);
    EXPECT_EQ(refusal_of(StatusMessage{}, offsetof(StatusMessage, ready), 3), EBADMSG);
    EXPECT_EQ(refusal_of(RevokeMessage{}, offsetof(RevokeMessage, mode), 1), 0);
    EXPECT_EQ(refusal_of(RevokeMessage{}, offsetof(RevokeMessage, mode), 2), EBADMSG);
    EXPECT_EQ(refusal_of(UnhealthyMessage{}, offsetof(UnhealthyMessage, reason), 2), EBADMSG);
    // An instant so far away that what is left until then is no number.
    EXPECT_EQ(refusal_of(GrantMessage{}, offsetof(GrantMessage, grant) + offsetof(TermGrant, hard) + 7, 0x7f), EBADMSG);
    EXPECT_EQ(refusal_of(GrantMessage{}, offsetof(GrantMessage, grant) + offsetof(TermGrant, soft) + 7, 0x80), EBADMSG);
}

TEST(Channel, keeps_the_order_and_never_blocks) {
    auto [left, right] = connected();
    auto nothing = right.receive();
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(*nothing);
    for (std::uint64_t i = 0; i < 50; ++i) ASSERT_TRUE(left.send(PingMessage{i}));
    for (std::uint64_t i = 0; i < 50; ++i) EXPECT_EQ(std::get<PingMessage>((*right.receive())->message).number, i);
    EXPECT_FALSE(*right.receive());
}

TEST(Channel, says_so_when_the_queue_is_full) {
    auto [left, right] = connected();
    Result<void> sent;
    for (int i = 0; i < 1'000'000 && sent; ++i) sent = left.send(PingMessage{1});
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, EAGAIN);
    EXPECT_TRUE(*right.receive());  // and nothing is lost of what went in
}

TEST(Channel, hands_over_a_descriptor_that_is_close_on_exec) {
    auto [left, right] = connected();
    auto [inner, outer] = connected();
    ASSERT_TRUE(left.send(NewPeerMessage{}, outer.fd()));
    outer.close();
    auto received = right.receive();
    ASSERT_TRUE(received && *received);
    ASSERT_TRUE((*received)->fd);
    EXPECT_EQ(fcntl((*received)->fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    const Channel handed(std::move((*received)->fd));
    ASSERT_TRUE(inner.send(PingMessage{12}));
    EXPECT_EQ(std::get<PingMessage>((*handed.receive())->message).number, 12U);
}

TEST(Channel, tells_when_the_peer_is_gone_after_its_last_words) {
    auto [left, right] = connected();
    ASSERT_TRUE(left.send(WorkloadEndedMessage{3}));
    ASSERT_TRUE(right.send(PingMessage{1}));  // never read: the peer's end then comes as a reset
    left.close();
    auto last = right.receive();
    ASSERT_TRUE(last && *last) << last.error().message;
    EXPECT_EQ(std::get<WorkloadEndedMessage>((*last)->message).exit_status, 3);
    auto gone = right.receive();
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, ENOTCONN);
    EXPECT_FALSE(right.send(PingMessage{2}));  // and no SIGPIPE
}

struct RawPacket {
    std::uint32_t version = kProtocolVersion;
    std::uint32_t kind = 2;  // PingMessage
    std::array<char, 400> body{};
};

void send_raw(const Channel& channel, const RawPacket& packet, std::size_t size) {
    ASSERT_EQ(send(channel.fd(), &packet, size, 0), static_cast<ssize_t>(size));
}

TEST(Channel, refuses_what_it_does_not_understand_and_goes_on) {
    auto [left, right] = connected();
    const auto refused = [&receiver = right](int code) {
        auto received = receiver.receive();
        ASSERT_FALSE(received);
        EXPECT_EQ(received.error().code, code);
    };
    RawPacket packet;
    send_raw(left, packet, 3);  // shorter than a header
    refused(EBADMSG);
    send_raw(left, packet, 8 + sizeof(PingMessage) - 1);
    refused(EBADMSG);
    send_raw(left, packet, 8 + sizeof(PingMessage) + 1);
    refused(EBADMSG);
    send_raw(left, packet, sizeof packet);  // longer than any message
    refused(EBADMSG);
    packet.kind = std::variant_size_v<Message>;
    send_raw(left, packet, 8 + sizeof(PingMessage));
    refused(EBADMSG);
    packet.kind = 2;
    packet.version = kProtocolVersion + 1;
    send_raw(left, packet, 8 + sizeof(PingMessage));
    refused(EPROTO);
    ASSERT_TRUE(left.send(PingMessage{4}));
    EXPECT_EQ(std::get<PingMessage>((*right.receive())->message).number, 4U);
}

TEST(Channel, leaks_no_descriptor_however_many_come_along) {
    auto [left, right] = connected();
    const std::size_t before = open_descriptors();
    for (const std::size_t count : {2U, 8U}) {  // 8: more than there is room for
        RawPacket packet;
        iovec part{&packet, 8 + sizeof(PingMessage)};
        alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {};
        msghdr head{};
        head.msg_iov = &part;
        head.msg_iovlen = 1;
        head.msg_control = control;
        head.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsghdr* const rights = CMSG_FIRSTHDR(&head);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        for (std::size_t i = 0; i < count; ++i) {
            const int fd = left.fd();
            std::memcpy(CMSG_DATA(rights) + i * sizeof fd, &fd, sizeof fd);
        }
        ASSERT_GT(sendmsg(left.fd(), &head, 0), 0);
        (void)right.receive();
        EXPECT_EQ(open_descriptors(), before);
    }
}

}  // namespace
}  // namespace leasehold::supervisor
