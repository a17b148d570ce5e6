// SPDX-License-Identifier: Apache-2.0
//
// A tree that leasehold may not kill: it runs as an ordinary user, and the workload has started something that became
// root. The lease is never released over it, and everybody says so.
#include <csignal>
#include <filesystem>

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

namespace fs = std::filesystem;

// A folder in which an ordinary user finds leasehold, and setpriv(1) as a set-user-ID program of root's.
class Unkillable : public testing::Test {
protected:
    void SetUp() override {
        const fs::path setpriv = "/usr/bin/setpriv";
        if (geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
        if (!fs::exists(setpriv)) GTEST_SKIP() << "needs setpriv(1)";
        ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
        fs::create_directory(folder_.path("lease"));
        ASSERT_EQ(chown(folder_.path("lease").c_str(), kNobody, kNobody), 0);
        fs::copy_file(leasehold_program(), folder_.path("leasehold"));
        fs::copy_file(setpriv, folder_.path("setpriv"));
        ASSERT_EQ(chmod(folder_.path("setpriv").c_str(), 04755), 0);
        write_file(folder_.path("workload"), fmt::format("#!/bin/sh\n{}/setpriv --reuid 0 --clear-groups sleep 1000 &\n"
                                                         "echo $! > {}/lease/child.$LEASEHOLD_IDENTITY\nwait\n",
                                                         folder_.path(), folder_.path()));
        ASSERT_EQ(chmod(folder_.path("workload").c_str(), 0755), 0);
    }

    void TearDown() override {
        for (const std::string name : {"a", "b"}) {
            const pid_t child = std::atoi(read_file(folder_.path("lease/child." + name)).c_str());
            if (child > 0) kill(child, SIGKILL);
        }
    }

    Process start(const std::string& name, const std::string& no_new_privs) {
        const std::string config = folder_.path(name + ".yaml");
        write_file(config, fmt::format("identity: {}\nelection:\n  name: test\n  lease_duration: 1s\n"
                                       "  renew_deadline: 500ms\n  retry_period: 100ms\n"
                                       "  store: {{file: {{path: {}/lease/test.lease}}}}\n"
                                       "workload:\n  command: [{}/workload]\n  containment: subreaper\n"
                                       "  no_new_privs: {}\n  stop: {{grace_period: 100ms}}\n"
                                       "http: {{listen: [\"127.0.0.1:0\"]}}\n",
                                       name, folder_.path(), folder_.path(), no_new_privs));
        return Process(
            {.arguments = {"/usr/bin/setpriv", "--reuid", std::to_string(kNobody), "--regid", std::to_string(kNobody),
                           "--clear-groups", folder_.path("leasehold"), "run", "--config", config},
             .output = folder_.path(name + ".log"),
             .environment = {}});
    }

    std::string log_of(const std::string& name) const { return read_file(folder_.path(name + ".log")); }
    bool says(const std::string& name, const std::string& words) const {
        return log_of(name).find(words) != std::string::npos;
    }
    int port_of(const std::string& name) const {
        const std::string mark = "serving http on 127.0.0.1:";
        const std::string text = log_of(name);
        return std::atoi(text.c_str() + text.rfind(mark) + mark.size());
    }

    // Once it has become root, and sleeps.
    pid_t child_of(const std::string& name) const {
        pid_t child = 0;
        EXPECT_TRUE(eventually([&] {
            child = std::atoi(read_file(folder_.path("lease/child." + name)).c_str());
            return child > 0 && name_of(child) == "sleep";
        })) << log_of(name);
        return child;
    }

    TempFolder folder_;
};

TEST_F(Unkillable, IsNotReleasedOverAndIsReported) {
    Process leader = start("a", "false");
    const pid_t child = child_of("a");
    ASSERT_GT(child, 0);
    Process standby = start("b", "false");
    ASSERT_TRUE(eventually([&] { return says("b", "a holds the lease"); })) << log_of("b");
    leader.signal(SIGTERM);
    ASSERT_TRUE(eventually([&] { return says("a", "cannot be killed"); })) << log_of("a");
    const int port = port_of("a");
    EXPECT_TRUE(eventually([&] {
        return http_get(port, "/status").body.find("\"unkillable\"") != std::string::npos &&
               http_get(port, "/metrics").body.find("leasehold_workload_state{state=\"unkillable\"} 1") !=
                   std::string::npos;
    })) << http_get(port, "/status").body;
    // Much longer than a lease: it is kept, not only not released.
    const auto since = std::chrono::steady_clock::now();
    EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - since > std::chrono::seconds(3); }));
    EXPECT_TRUE(leader.running());
    EXPECT_FALSE(says("a", "released the lease"));
    EXPECT_FALSE(says("b", "acquired"));

    ASSERT_EQ(kill(child, SIGKILL), 0);
    EXPECT_TRUE(leader.wait()) << log_of("a");
    EXPECT_TRUE(says("a", "released the lease")) << log_of("a");
    ASSERT_GT(child_of("b"), 0);
    standby.signal(SIGTERM);
    kill(child_of("b"), SIGKILL);
    EXPECT_TRUE(standby.wait()) << log_of("b");
}

// The default of an ordinary user: the workload cannot gain what leasehold has not got.
TEST_F(Unkillable, CannotComeAboutByDefault) {
    Process leader = start("a", "auto");
    EXPECT_TRUE(eventually([&] { return says("a", "setpriv: setresuid failed"); })) << log_of("a");
    leader.signal(SIGTERM);
    EXPECT_TRUE(leader.wait()) << log_of("a");
    EXPECT_FALSE(says("a", "cannot be killed"));
}

}  // namespace
}  // namespace leasehold::harness
