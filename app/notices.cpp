// SPDX-License-Identifier: Apache-2.0
#include "app/notices.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "app/identity.h"
#include "app/unix_address.h"
#include "base/log.h"
#include "config/text.h"
#include "supervisor/process_status.h"

namespace leasehold::app {
namespace {

constexpr std::size_t kMostBytes = 4096;  // of a datagram; what is longer is no notice
constexpr int kMostAtOnce = 32;
constexpr int kMostGenerations = 1000;

struct Datagram {
    std::array<char, kMostBytes> bytes;
    std::size_t size = 0;
    bool cut_off = false;
    pid_t sender = 0;  // 0: it is not of our PID namespace
};

pid_t sender_of(msghdr& head) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&head); part != nullptr; part = CMSG_NXTHDR(&head, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
        ucred credentials{};
        std::memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
        return credentials.pid;
    }
    return 0;
}

// The next one, which stays where it is. There is room for the credentials alone: descriptors that come along are
// closed by the kernel, which is what a sender's barrier waits for (sd_notify_barrier(3)).
bool peek(int socket, Datagram& datagram) {
    iovec part{datagram.bytes.data(), datagram.bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_control = control.data();
    head.msg_controllen = control.size();
    const ssize_t size = recvmsg(socket, &head, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0) {
        const bool nothing = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        if (!nothing) log::debug("reading the workload's notices: {}", std::generic_category().message(errno));
        return false;
    }
    datagram.size = static_cast<std::size_t>(size);
    datagram.cut_off = (head.msg_flags & MSG_TRUNC) != 0;
    datagram.sender = sender_of(head);
    return true;
}

bool drop_one(int socket) { return recv(socket, nullptr, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0; }

// One line of well-formed text, whatever was sent.
std::string bounded(std::string_view text) {
    std::string line = config::printable(text.substr(0, Notice::kMostStatus));
    if (text.size() > Notice::kMostStatus) line += "...";
    return line;
}

}  // namespace

Notice notice_in(std::string_view datagram) {
    Notice notice;
    while (!datagram.empty()) {
        const std::string_view line = datagram.substr(0, datagram.find('\n'));
        datagram.remove_prefix(std::min(datagram.size(), line.size() + 1));
        if (line == "READY=1") notice.ready = true;
        if (line == "STOPPING=1") notice.stopping = true;
        if (line.starts_with("MAINPID=")) notice.main_pid = true;
        if (line.starts_with("STATUS=")) notice.status = bounded(line.substr(std::strlen("STATUS=")));
    }
    return notice;
}

Result<NoticeSocket> open_notice_socket() {
    const auto id = random_hex(16);
    if (!id) return tl::unexpected<Error>(id.error());
    NoticeSocket made{UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), "@leasehold/" + *id};
    const auto address = UnixAddress::of(made.name);
    const int on = 1;
    const bool usable = address && made.fd && setsockopt(made.fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
                        bind(made.fd.get(), address->get(), address->size()) == 0;
    if (!usable) return system_failure("workload.ready.notify: a socket for the workload's notices");
    return made;
}

bool descends_from(pid_t process, pid_t ancestor) {
    for (int left = kMostGenerations; left > 0 && process > 1; --left) {
        if (process == ancestor) return true;
        const auto status = supervisor::status_of(process);
        if (!status) return false;
        process = status->parent;
    }
    return false;
}

NoticeReader::NoticeReader(EventLoop& loop, UniqueFd socket, Hooks hooks)
    : loop_(loop), socket_(std::move(socket)), hooks_(std::move(hooks)) {}

NoticeReader::~NoticeReader() {
    if (ancestor_ != 0) loop_.unwatch(socket_.get());
}

Result<void> NoticeReader::listen_to(pid_t workload) {
    const auto status = supervisor::status_of(workload);
    ancestor_ = status && status->parent > 1 ? status->parent : workload;
    return loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { read(); });
}

void NoticeReader::stop() {
    const pid_t ancestor = std::exchange(ancestor_, 0);
    if (ancestor == 0) return;
    loop_.unwatch(socket_.get());
    // The tree that has ended may have left something unread, and the next one may have spoken already.
    Datagram datagram;
    for (int left = kMostAtOnce; left > 0 && peek(socket_.get(), datagram); --left) {
        if (descends_from(datagram.sender, ancestor)) return;
        drop_one(socket_.get());
    }
}

void NoticeReader::read() {
    for (int left = kMostAtOnce; left > 0 && ancestor_ != 0 && read_one(); --left) continue;
}

bool NoticeReader::read_one() {
    Datagram datagram;
    if (!peek(socket_.get(), datagram)) return false;
    judge(datagram.sender, {datagram.bytes.data(), datagram.size}, datagram.cut_off);
    return ancestor_ != 0 && drop_one(socket_.get());
}

void NoticeReader::judge(pid_t sender, std::string_view datagram, bool cut_off) {
    if (!descends_from(sender, ancestor_)) {
        return hooks_.ignored(fmt::format("process {} says, which is not, or no longer, of the workload", sender));
    }
    if (cut_off) return hooks_.ignored(fmt::format("process {} says in more than {} bytes", sender, kMostBytes));
    hooks_.heard(notice_in(datagram));
}

}  // namespace leasehold::app
