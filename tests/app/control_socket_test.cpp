// SPDX-License-Identifier: Apache-2.0
//
// Both ends of the control socket on a real file system, and clients that are out for trouble.
#include "app/control_socket.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fcntl.h>

#include "app/control_protocol.h"
#include "app/control_server.h"
#include "base/clock.h"

namespace leasehold::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class InAFolder : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "controlXXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        path_ = folder_ + "/control.sock";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string refusal() const {
        const auto opened = open_control_socket(path_);
        return opened ? "" : opened.error().message;
    }

    std::string folder_;
    std::string path_;
};

using ControlSocket = InAFolder;

TEST_F(ControlSocket, IsItsOwnersAlone) {
    const mode_t before = umask(0);
    const auto fd = open_control_socket(path_);
    umask(before);
    ASSERT_TRUE(fd) << fd.error().message;
    struct stat file {};
    ASSERT_EQ(lstat(path_.c_str(), &file), 0);
    EXPECT_TRUE(S_ISSOCK(file.st_mode));
    EXPECT_EQ(file.st_mode & 0777U, 0600U);
    EXPECT_NE(fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ControlSocket, ReplacesWhatADeadOneLeft) {
    ASSERT_TRUE(open_control_socket(path_));  // and closed: nobody accepts any more
    ASSERT_TRUE(std::filesystem::exists(path_));
    EXPECT_EQ(refusal(), "");
}

TEST_F(ControlSocket, LeavesALivingOneAlone) {
    const auto living = open_control_socket(path_);
    ASSERT_TRUE(living);
    const FileId file = file_at(path_);
    EXPECT_THAT(refusal(), HasSubstr("another leasehold, which is running, answers there"));
    EXPECT_EQ(file_at(path_), file);
    std::vector<UniqueFd> waiting;  // nor is one that accepts nobody, until no more may wait, taken for dead
    for (int i = 0; i < 40; ++i) {
        waiting.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, path_.size());
        (void)connect(waiting.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    EXPECT_THAT(refusal(), HasSubstr("which is running"));
}

TEST_F(ControlSocket, RefusesWhatIsNoPlaceForIt) {
    std::ofstream(path_) << "mine";
    EXPECT_THAT(refusal(), HasSubstr("is not a socket; remove it"));
    EXPECT_TRUE(std::filesystem::is_regular_file(path_));
    path_ = folder_ + "/none/control.sock";
    EXPECT_THAT(refusal(), HasSubstr("there is no folder " + folder_ + "/none; make it"));
    path_ = folder_ + '/' + std::string(200, 'x');
    EXPECT_THAT(refusal(), HasSubstr("too long"));
}

TEST_F(ControlSocket, DoesNotWaitForEverForAnotherStart) {
    const UniqueFd folder(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(flock(folder.get(), LOCK_EX), 0);
    EXPECT_THAT(refusal(), HasSubstr("locked"));
}

TEST_F(ControlSocket, IsRemovedByWhoMadeItOnly) {
    const auto first = open_control_socket(path_);
    const FileId file = file_at(path_);
    std::filesystem::rename(path_, path_ + ".moved");  // its file stays, so the next one has another number
    const auto second = open_control_socket(path_);
    ASSERT_TRUE(second);
    remove_control_socket(path_, file);
    EXPECT_TRUE(std::filesystem::exists(path_));
    remove_control_socket(path_, file_at(path_));
    EXPECT_FALSE(std::filesystem::exists(path_));
    remove_control_socket(path_, file_at(path_));  // there is none
}

TEST_F(ControlSocket, NobodyThereIsSaid) {
    const auto ask = [&] { return ask_over_socket(path_, "x\n", seconds(1)).error().message; };
    EXPECT_THAT(ask(), HasSubstr("there is no such socket"));
    ASSERT_TRUE(open_control_socket(path_));
    EXPECT_THAT(ask(), HasSubstr("has ended"));
    const auto stopped = open_control_socket(path_);
    EXPECT_THAT(ask(), HasSubstr("its agent is stopped, hung"));
}

// ---- the server ---------------------------------------------------------------------------------------------------

class ControlServers : public InAFolder {
protected:
    void SetUp() override {
        InAFolder::SetUp();
        auto loop = EventLoop::create();
        ASSERT_TRUE(loop);
        loop_ = std::move(*loop);
    }

    void serve(ControlServer::Limits limits) {
        auto listener = open_control_socket(path_);
        ASSERT_TRUE(listener) << listener.error().message;
        const auto answer = [this](std::string_view request, bool whole, const ControlPeer& peer) {
            requests_.push_back(std::string(request) + (whole ? "" : " (cut off)"));
            peer_ = peer;
            return answer_;
        };
        auto server = ControlServer::start(*loop_, std::move(*listener), answer, limits);
        ASSERT_TRUE(server) << server.error().message;
        server_ = std::move(*server);
    }

    UniqueFd client() const {
        UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, path_.size());
        EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }

    static void say(const UniqueFd& fd, const std::string& text) {
        (void)!::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }

    bool turn_until(const std::function<bool()>& condition) {
        const Instant since = now();
        while (!condition()) {
            if (elapsed_at_most(since, now()) > seconds(30) || !loop_->run_once(milliseconds(20))) return false;
        }
        return true;
    }

    // All that comes until the server closes.
    std::string hear(const UniqueFd& fd) {
        std::string heard;
        EXPECT_TRUE(turn_until([&] {
            char buffer[4096];
            const ssize_t size = recv(fd.get(), buffer, sizeof buffer, 0);
            if (size > 0) heard.append(buffer, static_cast<std::size_t>(size));
            return size == 0 || (size < 0 && errno != EAGAIN);
        })) << "never closed";
        return heard;
    }

    // Somebody else is served all the same.
    void expect_service() {
        const UniqueFd fd = client();
        say(fd, "fair\n");
        EXPECT_EQ(hear(fd), answer_);
        ASSERT_FALSE(requests_.empty());
        EXPECT_EQ(requests_.back(), "fair");
    }

    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<ControlServer> server_;
    std::vector<std::string> requests_;
    ControlPeer peer_;
    std::string answer_ = "done\n";
};

TEST_F(ControlServers, AnswerALineAndClose) {
    serve({});
    const UniqueFd fd = client();
    say(fd, "ask ");
    EXPECT_TRUE(turn_until([&] { return server_->clients() == 1; }));
    say(fd, "me\nand more");
    EXPECT_EQ(hear(fd), "done\n");
    EXPECT_EQ(requests_, std::vector<std::string>{"ask me"});
    EXPECT_EQ(peer_.user, geteuid());
    EXPECT_EQ(peer_.process, getpid());
    EXPECT_EQ(server_->clients(), 0U);
}

TEST_F(ControlServers, AreUsedByTheCommands) {
    serve({});
    const pid_t child = fork();
    if (child == 0) {
        const auto answer = ask_over_socket(path_, "ask me\n", seconds(20));
        _exit(answer && *answer == "done" ? 0 : 1);
    }
    int status = -1;
    EXPECT_TRUE(turn_until([&] { return waitpid(child, &status, WNOHANG) == child; }));
    EXPECT_EQ(status, 0);
}

TEST_F(ControlServers, AnswerHalfARequest) {
    serve({});
    const UniqueFd fd = client();
    say(fd, "half");
    shutdown(fd.get(), SHUT_WR);
    EXPECT_EQ(hear(fd), "done\n");
    EXPECT_EQ(requests_, std::vector<std::string>{"half (cut off)"});
    const UniqueFd silent = client();
    shutdown(silent.get(), SHUT_WR);
    EXPECT_EQ(hear(silent), "");
    expect_service();
}

TEST_F(ControlServers, ReadNoMoreThanARequestMayHave) {
    serve({});
    const UniqueFd fd = client();
    say(fd, std::string(100'000, 'x'));
    EXPECT_EQ(hear(fd), "done\n");
    ASSERT_EQ(requests_.size(), 1U);
    EXPECT_EQ(requests_[0].size(), kLongestRequest + std::string(" (cut off)").size());
    const UniqueFd exact = client();
    say(exact, std::string(kLongestRequest - 1, 'x') + '\n');
    EXPECT_EQ(hear(exact), "done\n");
    EXPECT_EQ(requests_[1].size(), kLongestRequest - 1);
}

TEST_F(ControlServers, SendWhoSaysNothingAway) {
    serve({.clients = 4, .patience = milliseconds(200)});
    const UniqueFd silent = client();
    const UniqueFd slow = client();
    say(slow, "a");
    EXPECT_EQ(hear(silent), "");
    EXPECT_EQ(hear(slow), "");
    EXPECT_TRUE(requests_.empty());
    expect_service();
}

TEST_F(ControlServers, DoNotWaitForWhoNeverReads) {
    answer_ = std::string(20'000'000, 'y') + '\n';
    serve({.clients = 4, .patience = milliseconds(500)});
    const UniqueFd deaf = client();
    say(deaf, "ask\n");
    EXPECT_TRUE(turn_until([&] { return requests_.size() == 1; }));
    EXPECT_TRUE(turn_until([&] { return server_->clients() == 0; })) << "still there";
    EXPECT_LT(hear(deaf).size(), answer_.size());
    answer_ = "done\n";
    expect_service();
}

TEST_F(ControlServers, SendTheOldestAwayWhenThereAreTooMany) {
    serve({.clients = 3, .patience = std::chrono::minutes(10)});
    std::vector<UniqueFd> silent;
    for (int i = 0; i < 10; ++i) silent.push_back(client());
    expect_service();
    EXPECT_LE(server_->clients(), 3U);
    EXPECT_EQ(hear(silent.front()), "");
}

TEST_F(ControlServers, OutliveClientsThatGo) {
    serve({});
    for (int i = 0; i < 50; ++i) {
        const UniqueFd fd = client();
        say(fd, i % 2 == 0 ? "ask\n" : "as");
        ASSERT_TRUE(loop_->run_once(Duration::zero()));
    }
    EXPECT_TRUE(turn_until([&] { return requests_.size() >= 50; }));  // half of them were cut off
    EXPECT_EQ(server_->clients(), 0U);
    expect_service();
}

TEST_F(ControlServers, OutliveRandomBytes) {
    serve({});
    unsigned state = 1;
    for (int i = 0; i < 50; ++i) {
        std::string noise;
        for (int n = 0; n < 200; ++n) noise += static_cast<char>((state = state * 1103515245U + 12345U) >> 16);
        const UniqueFd fd = client();
        say(fd, noise + '\n');
        EXPECT_EQ(hear(fd), "done\n");
    }
    expect_service();
}

// The mode of the file is not all that keeps others out.
TEST_F(ControlServers, AnswerTheirOwnUserAndRootOnly) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    serve({});
    ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
    ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (setresuid(65534, 65534, 65534) != 0) _exit(2);
        const auto answer = ask_over_socket(path_, "ask me\n", seconds(20));
        _exit(answer && answer->find("only root, and the user") != std::string::npos ? 0 : 1);
    }
    int status = -1;
    EXPECT_TRUE(turn_until([&] { return waitpid(child, &status, WNOHANG) == child; }));
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(requests_.empty());
}

}  // namespace
}  // namespace leasehold::app
