// SPDX-License-Identifier: Apache-2.0
#include "app/notices.h"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/clock.h"

namespace leasehold::app {
namespace {

TEST(Notice, IsReadFromLines) {
    const Notice notice = notice_in("STATUS=loading\nREADY=1\n");
    EXPECT_TRUE(notice.ready);
    EXPECT_FALSE(notice.stopping || notice.main_pid);
    EXPECT_EQ(notice.status, "loading");
    EXPECT_TRUE(notice_in("STOPPING=1").stopping);
    EXPECT_TRUE(notice_in("X=1\n\nMAINPID=12").main_pid);
}

TEST(Notice, OfGarbageSaysNothing) {
    using namespace std::string_literals;
    for (const std::string& text : {""s, "\n\n\n"s, "READY"s, "READY=0"s, "READY=1 "s, " READY=1"s, "READY=1\0"s,
                                    "\0READY=1"s, "\xff\xfe\x80"s, "WATCHDOG=1"s, "BARRIER=1"s, "ready=1"s}) {
        const Notice notice = notice_in(text);
        EXPECT_FALSE(notice.ready || notice.stopping || notice.main_pid || notice.status) << text;
    }
}

TEST(Notice, StatusIsOneBoundedLineOfText) {
    EXPECT_EQ(notice_in("STATUS=").status, "");
    EXPECT_EQ(notice_in("STATUS=a\x1b[31mb\xff").status, "a\\x1b[31mb\\xff");
    const auto status = notice_in("STATUS=" + std::string(1000, 'x')).status;
    EXPECT_EQ(status, std::string(Notice::kMostStatus, 'x') + "...");
}

// A child of the test that stays until it is told to end.
class StayingChild {
public:
    explicit StayingChild(const std::function<void()>& first = [] {}) : pid_(fork()) {
        if (pid_ != 0) return;
        first();
        for (;;) pause();
    }
    ~StayingChild() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    StayingChild(const StayingChild&) = delete;
    StayingChild& operator=(const StayingChild&) = delete;
    pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

TEST(Descent, IsReadFromProc) {
    StayingChild child;
    EXPECT_TRUE(descends_from(child.pid(), child.pid()));
    EXPECT_TRUE(descends_from(child.pid(), getpid()));
    EXPECT_FALSE(descends_from(getpid(), child.pid()));
    EXPECT_FALSE(descends_from(getppid(), getpid()));
    for (const pid_t nobody : {-1, 0, 1}) EXPECT_FALSE(descends_from(nobody, getpid())) << nobody;
}

void say_to(const std::string& name, const std::string& text) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    address.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sendto(fd, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
    close(fd);
}

class Notices : public testing::Test {
protected:
    void SetUp() override {
        auto loop = EventLoop::create();
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
        auto socket = open_notice_socket();
        ASSERT_TRUE(socket) << socket.error().message;
        name_ = socket->name;
        fd_ = std::move(socket->fd);
        make_reader();
    }

    // On the same socket, like the next agent.
    void make_reader() {
        reader_ = std::make_unique<NoticeReader>(
            *loop_, UniqueFd(dup(fd_.get())),
            NoticeReader::Hooks{.heard = [this](const Notice& notice) { hear(notice); },
                                .ignored = [this](const std::string& what) { ignored_.push_back(what); }});
    }

    void hear(const Notice& notice) {
        heard_.push_back(notice.status.value_or(notice.ready ? "READY" : ""));
        if (on_hearing_) on_hearing_();
    }

    bool turn_until(const std::function<bool()>& condition) {
        const Instant since = now();
        while (!condition()) {
            if (elapsed_at_most(since, now()) > std::chrono::seconds(30)) return false;
            if (!loop_->run_once(std::chrono::milliseconds(20))) return false;
        }
        return true;
    }

    std::unique_ptr<EventLoop> loop_;
    UniqueFd fd_;
    std::string name_;
    std::unique_ptr<NoticeReader> reader_;
    std::vector<std::string> heard_, ignored_;
    std::function<void()> on_hearing_;
};

TEST_F(Notices, OfTheWorkloadAndItsDescendantsAreHeard) {
    ASSERT_TRUE(reader_->listen_to(getpid()));
    say_to(name_, "READY=1");
    StayingChild child([this] { say_to(name_, "STATUS=child"); });
    ASSERT_TRUE(turn_until([&] { return heard_.size() == 2; }));
    EXPECT_TRUE(ignored_.empty());
}

// As the supervisor's children do, a workload has a parent that is not the stranger's.
TEST_F(Notices, OfOthersAreIgnored) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(pipe(ends), 0);
    StayingChild supervisor([&] {
        const pid_t workload = fork();
        if (workload == 0) return;
        (void)!write(ends[1], &workload, sizeof workload);
    });
    pid_t workload = 0;
    ASSERT_EQ(::read(ends[0], &workload, sizeof workload), static_cast<ssize_t>(sizeof workload));
    ASSERT_TRUE(reader_->listen_to(workload));
    say_to(name_, "READY=1");
    StayingChild stranger([this] { say_to(name_, "READY=1"); });
    turn_until([&] { return ignored_.size() + heard_.size() == 2; });
    kill(workload, SIGKILL);
    EXPECT_TRUE(heard_.empty());
    ASSERT_EQ(ignored_.size(), 2U);
    EXPECT_EQ(ignored_.front().find("process " + std::to_string(getpid()) + " says, which is not"), 0U);
    for (const int end : ends) close(end);
}

TEST_F(Notices, WaitForTheirReaderAndEndWithWhoHasSaidThem) {
    say_to(name_, "STATUS=early");
    EXPECT_FALSE(turn_until([&, turns = 0]() mutable { return !heard_.empty() || ++turns > 5; }) && !heard_.empty());
    ASSERT_TRUE(reader_->listen_to(getpid()));
    ASSERT_TRUE(turn_until([&] { return heard_.size() == 1; }));
    const pid_t ended = fork();
    if (ended == 0) {
        say_to(name_, "STATUS=late");
        _exit(0);
    }
    ASSERT_EQ(waitpid(ended, nullptr, 0), ended);
    say_to(name_, "STATUS=next");  // of the next workload, which was quick
    reader_->stop();               // drops what nobody alive has said
    ASSERT_TRUE(reader_->listen_to(getpid()));
    ASSERT_TRUE(turn_until([&] { return heard_.size() == 2; }));
    EXPECT_EQ(heard_.back(), "next");
}

// As if the process had ended while it acted on what it had heard.
TEST_F(Notices, AreNotLostWithWhoHearsThem) {
    ASSERT_TRUE(reader_->listen_to(getpid()));
    say_to(name_, "READY=1");
    int cut_short = dup(fd_.get());
    on_hearing_ = [&] {
        if (cut_short < 0) return;
        char byte = 0;
        EXPECT_GT(recv(cut_short, &byte, 1, MSG_PEEK | MSG_DONTWAIT), 0) << "taken before it was heard";
        close(std::exchange(cut_short, -1));
    };
    ASSERT_TRUE(turn_until([&] { return heard_.size() == 1; }));
    char byte = 0;
    EXPECT_LT(recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT), 0) << "not taken afterwards";
}

TEST_F(Notices, ThatAreTooLongAreIgnored) {
    ASSERT_TRUE(reader_->listen_to(getpid()));
    say_to(name_, "READY=1\n" + std::string(5000, 'x'));
    say_to(name_, "");
    say_to(name_, "STATUS=after");
    ASSERT_TRUE(turn_until([&] { return heard_.size() == 2; }));
    EXPECT_EQ(heard_.back(), "after");
    ASSERT_EQ(ignored_.size(), 1U);
    EXPECT_NE(ignored_[0].find("in more than 4096 bytes"), std::string::npos);
}

// What a sender's barrier waits for, and what must not fill the table of descriptors.
TEST_F(Notices, DescriptorsThatComeAlongAreClosed) {
    ASSERT_TRUE(reader_->listen_to(getpid()));
    int ends[2] = {-1, -1};
    ASSERT_EQ(pipe(ends), 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name_.data(), name_.size());
    address.sun_path[0] = '\0';
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    char text[] = "BARRIER=1";
    iovec part{text, sizeof text - 1};
    msghdr head{};
    head.msg_name = &address;
    head.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_control = control;
    head.msg_controllen = sizeof control;
    cmsghdr* const rights = CMSG_FIRSTHDR(&head);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &ends[1], sizeof(int));
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT_GT(sendmsg(fd, &head, 0), 0);
    close(fd);
    close(ends[1]);
    ASSERT_TRUE(turn_until([&] { return heard_.size() == 1; }));
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "somebody still holds the other end";
    close(ends[0]);
}

}  // namespace
}  // namespace leasehold::app
