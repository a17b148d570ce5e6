// SPDX-License-Identifier: Apache-2.0
//
// What a service manager such as systemd hears of leasehold, by the protocol of sd_notify(3).
#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/harness/board.h"
#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

constexpr const char* kBeat = "WATCHDOG=1";

class ServiceManager : public testing::Test {
protected:
    void SetUp() override {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        ASSERT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }

    Candidate start(const std::string& name, std::vector<std::string> environment, std::vector<std::string> command) {
        return Candidate({.folder = folder_.path(),
                          .name = name,
                          .command = std::move(command),
                          .environment = std::move(environment)});
    }

    void listen() {
        std::array<char, 1024> packet{};
        while (true) {
            const ssize_t size = recv(socket_.get(), packet.data(), packet.size(), 0);
            if (size < 0) return;
            heard_.emplace_back(packet.data(), static_cast<std::size_t>(size));
        }
    }
    std::size_t count(const std::string& text) {
        listen();
        return static_cast<std::size_t>(std::count_if(heard_.begin(), heard_.end(), [&](const std::string& packet) {
            return packet.find(text) != std::string::npos;
        }));
    }
    bool hears(const std::string& text, std::size_t times = 1) {
        return eventually([&] { return count(text) >= times; });
    }

    TempFolder folder_;
    const std::string path_ = folder_.path("notify");
    UniqueFd socket_;
    std::vector<std::string> heard_;
};

TEST_F(ServiceManager, HearsWhatIsGoingOnAndThatItIsAlive) {
    const std::string env = folder_.path("env");
    Candidate leader = start("leader", {"NOTIFY_SOCKET=" + path_, "WATCHDOG_USEC=200000"},
                             {"sh", "-c", fmt::format("env > {}; exec sleep 1000", env)});
    ASSERT_TRUE(hears("READY=1\n")) << leader.log();
    ASSERT_TRUE(hears("STATUS=leader in term 1, workload running")) << leader.log();
    EXPECT_TRUE(hears(kBeat, count(kBeat) + 3)) << leader.log();
    ASSERT_TRUE(eventually([&] { return read_file(env).find("LEASEHOLD_ROLE") != std::string::npos; }));
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC"}) {
        EXPECT_EQ(read_file(env).find(name), std::string::npos) << "the workload could speak for leasehold";
    }
    EXPECT_EQ(count("STOPPING=1"), 0U);
    leader.process().signal(SIGTERM);
    EXPECT_TRUE(leader.process().wait()) << leader.log();
    EXPECT_TRUE(hears("STOPPING=1"));
}

TEST_F(ServiceManager, HearsThatAStandbyIsUp) {
    Candidate leader = start("leader", {}, {"sleep", "1000"});
    ASSERT_TRUE(eventually([&] { return leader.log().find("started the workload") != std::string::npos; }));
    Candidate standby = start("standby", {"NOTIFY_SOCKET=" + path_}, {"sleep", "1000"});
    ASSERT_TRUE(hears("READY=1\nSTATUS=standby; leader holds the lease")) << standby.log();
    EXPECT_EQ(count(kBeat), 0U) << "nobody asked for it";
}

// It is the guardian that beats: stopped, it is silent, and the manager can do its part.
TEST_F(ServiceManager, HearsNothingOfAGuardianThatDoesNotTurn) {
    Candidate leader = start("leader", {"NOTIFY_SOCKET=" + path_, "WATCHDOG_USEC=100000"}, {"sleep", "1000"});
    ASSERT_TRUE(hears(kBeat, 3)) << leader.log();
    leader.process().signal(SIGSTOP);
    ASSERT_TRUE(eventually([&] { return is_stopped(leader.process().pid()); }));
    const std::size_t before = count(kBeat);
    const auto begin = monotonic_now();
    eventually([&] { return monotonic_now() - begin >= std::chrono::milliseconds(500); });
    EXPECT_EQ(count(kBeat), before);
    leader.process().signal(SIGCONT);
    EXPECT_TRUE(hears(kBeat, before + 1));
}

// What is wrong with the manager, or with what it was said to be, keeps nobody from leading.
TEST_F(ServiceManager, KeepsNothingFromWorking) {
    const std::vector<std::vector<std::string>> environments = {
        {"NOTIFY_SOCKET=nonsense"},
        {"NOTIFY_SOCKET=" + folder_.path("none"), "WATCHDOG_USEC=100000"},
        {"NOTIFY_SOCKET=" + path_, "WATCHDOG_USEC=minus"},
        {"NOTIFY_SOCKET=" + path_, "WATCHDOG_USEC=1000"},  // more than anybody takes, as nobody reads
        {"NOTIFY_SOCKET=" + path_, "WATCHDOG_USEC=100000", "WATCHDOG_PID=1"},
    };
    for (std::size_t i = 0; i < environments.size(); ++i) {
        Candidate candidate = start(fmt::format("candidate{}", i), environments[i], {"sleep", "1"});
        EXPECT_EQ(candidate.process().wait(), 0) << candidate.log();
    }
}

}  // namespace
}  // namespace leasehold::harness
