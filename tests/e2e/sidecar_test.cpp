// SPDX-License-Identifier: Apache-2.0
//
// Two sidecars on one lease file, asked over HTTP who leads.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

struct Options {
    std::string name;
    std::string lease = "1s";
    std::string deadline = "500ms";
    std::vector<std::string> launcher = {};  // a command that executes its last arguments as a command
    std::string extra = {};                  // further YAML
};

// One `leasehold sidecar` in `folder`, with the record in <folder>/store. No name is used twice: the log is appended
// to.
class Sidecar {
public:
    Sidecar(const std::string& folder, Options options)
        : options_(std::move(options)),
          log_(folder + '/' + options_.name + ".log"),
          process_(start(folder, options_, log_)) {}

    const std::string& name() const { return options_.name; }
    Process& process() { return process_; }
    std::string log() const { return read_file(log_); }
    bool said(const std::string& text) const {
        return eventually([&] { return log().find(text) != std::string::npos; });
    }

    int port() const {
        int found = 0;
        eventually([&] {
            const std::string mark = "serving http on 127.0.0.1:";
            const std::string text = log();
            if (const auto at = text.find(mark); at != std::string::npos) {
                found = std::atoi(text.c_str() + at + mark.size());
            }
            return found != 0;
        });
        return found;
    }

    bool leads() const { return http_get(port(), "/leader").status == 200; }
    std::string holder() const { return http_get(port(), "/").body; }

private:
    static Process start(const std::string& folder, const Options& options, const std::string& log) {
        const std::string config = folder + '/' + options.name + ".yaml";
        write_file(config, fmt::format("identity: {}\nelection:\n  name: test\n  lease_duration: {}\n"
                                       "  renew_deadline: {}\n  retry_period: 100ms\n"
                                       "  store: {{file: {{path: {}/store/test.lease}}}}\n"
                                       "http: {{listen: [\"127.0.0.1:0\"]}}\n{}",
                                       options.name, options.lease, options.deadline, folder, options.extra));
        std::filesystem::create_directories(folder + "/store");
        std::vector<std::string> arguments = options.launcher;
        for (const std::string& argument : {leasehold_program(), std::string("sidecar"), std::string("--config")}) {
            arguments.push_back(argument);
        }
        arguments.push_back(config);
        return Process({.arguments = std::move(arguments), .output = log, .environment = {}});
    }

    Options options_;
    std::string log_;
    Process process_;
};

std::string named(const std::string& name) { return fmt::format("{{\"name\":\"{}\"}}", name); }

bool says_master(const std::string& metrics) {
    EXPECT_NE(metrics.find("leader_election_master_status"), std::string::npos) << metrics;
    return metrics.find("leader_election_master_status{name=\"test\"} 1") != std::string::npos;
}

class Sidecars : public testing::Test {
protected:
    std::unique_ptr<Sidecar> start(Options options) {
        return std::make_unique<Sidecar>(folder_.path(), std::move(options));
    }

    TempFolder folder_;
};

TEST_F(Sidecars, OneLeadsAndHandsOverWhenItIsAskedToStop) {
    auto first = start({.name = "a"});
    ASSERT_TRUE(eventually([&] { return first->leads(); })) << first->log();
    auto second = start({.name = "b"});
    ASSERT_TRUE(eventually([&] { return second->holder() == named("a"); })) << second->log();
    EXPECT_EQ(first->holder(), named("a"));
    EXPECT_FALSE(second->leads());
    EXPECT_EQ(http_get(second->port(), "/standby").status, 200);
    for (auto* sidecar : {first.get(), second.get()}) {
        const int port = sidecar->port();
        EXPECT_EQ(http_get(port, "/readyz").status, 200) << sidecar->name();
        const HttpAnswer health = http_get(port, "/livez?verbose");
        EXPECT_EQ(health.status, 200) << health.body;
        EXPECT_EQ(health.body.find("supervisor"), std::string::npos) << health.body;
        EXPECT_NE(http_get(port, "/status").body.find("\"workload\": null"), std::string::npos);
        EXPECT_EQ(says_master(http_get(port, "/metrics").body), sidecar == first.get());
        EXPECT_TRUE(children_of(sidecar->process().pid()).empty()) << "it is to be one process";
    }

    for (int i = 0; i < 3; ++i) {
        first->process().signal(SIGTERM);
        ASSERT_EQ(first->process().wait(), 0) << first->log();
        EXPECT_TRUE(first->said("released the lease")) << first->log();
        ASSERT_TRUE(eventually([&] { return second->leads(); })) << second->log();
        EXPECT_EQ(second->holder(), named(second->name()));
        first = std::move(second);
        second = start({.name = fmt::format("successor-{}", i)});
    }
    ASSERT_NE(second->port(), 0) << second->log();
    for (auto* sidecar : {second.get(), first.get()}) {
        sidecar->process().signal(SIGINT);
        EXPECT_EQ(sidecar->process().wait(), 0) << sidecar->log();
    }
}

// The questions are there when the process goes on, so they may be answered before anything else is done.
TEST_F(Sidecars, OneThatWasStoppedNeverNamesItselfLeaderAfterwards) {
    auto first = start({.name = "a"});
    ASSERT_TRUE(eventually([&] { return first->leads(); })) << first->log();
    const int port = first->port();
    auto second = start({.name = "b"});
    ASSERT_TRUE(eventually([&] { return second->holder() == named("a"); })) << second->log();
    for (int i = 0; i < 3; ++i) {
        first->process().signal(SIGSTOP);
        ASSERT_TRUE(eventually([&] { return second->leads(); })) << second->log();
        PendingGet leader(port, "/leader");
        PendingGet metrics(port, "/metrics");
        PendingGet front(port, "/");
        PendingGet status(port, "/status");
        first->process().signal(SIGCONT);
        EXPECT_EQ(leader.answer().status, 503);
        EXPECT_FALSE(says_master(metrics.answer().body));
        EXPECT_NE(front.answer().body, named("a"));
        const std::string picture = status.answer().body;
        EXPECT_NE(picture.find("\"leading\": false"), std::string::npos) << picture;
        EXPECT_EQ(picture.find("\"role\": \"leader\""), std::string::npos) << picture;
        ASSERT_TRUE(eventually([&] {
            EXPECT_FALSE(first->leads());
            EXPECT_FALSE(says_master(http_get(port, "/metrics").body));
            const std::string holder = first->holder();
            EXPECT_NE(holder, named("a"));
            return holder == named(second->name());
        })) << first->log();

        second->process().signal(SIGTERM);  // so that the first one leads again
        ASSERT_EQ(second->process().wait(), 0) << second->log();
        ASSERT_TRUE(eventually([&] { return first->leads(); })) << first->log();
        second = start({.name = fmt::format("successor-{}", i)});
        ASSERT_TRUE(eventually([&] { return second->holder() == named("a"); })) << second->log();
    }
}

TEST_F(Sidecars, TellsWhatItLeavesOut) {
    auto sidecar = start({.name = "a", .extra = "workload: {command: [/bin/true]}\nlogging: {format: json}\n"});
    ASSERT_TRUE(eventually([&] { return sidecar->leads(); })) << sidecar->log();
    EXPECT_TRUE(sidecar->said("the section workload is not used")) << sidecar->log();
    EXPECT_TRUE(sidecar->said("\"process\":\"sidecar\"")) << sidecar->log();
    sidecar->process().signal(SIGHUP);
    EXPECT_TRUE(sidecar->said("SIGHUP received: nothing is read again")) << sidecar->log();
    for (const int signal : {SIGPIPE, SIGTSTP, SIGTTIN, SIGUSR1, SIGCHLD, SIGCONT}) sidecar->process().signal(signal);
    EXPECT_TRUE(sidecar->leads());
    sidecar->process().signal(SIGQUIT);
    EXPECT_EQ(sidecar->process().wait(), 0) << sidecar->log();
    EXPECT_EQ(http_get(sidecar->port(), "/").status, 0);
}

TEST_F(Sidecars, ASecondRequestToStopWaitsForTheReleaseOnlyAMoment) {
    auto sidecar = start({.name = "a", .lease = "1h", .deadline = "40m"});
    ASSERT_TRUE(eventually([&] { return sidecar->leads(); })) << sidecar->log();
    std::filesystem::rename(folder_.path("store"), folder_.path("gone"));
    sidecar->process().signal(SIGTERM);
    ASSERT_TRUE(sidecar->said("a write to the store failed and is tried again")) << sidecar->log();
    EXPECT_FALSE(sidecar->leads());
    sidecar->process().signal(SIGTERM);
    EXPECT_EQ(sidecar->process().wait(), 0) << sidecar->log();
    EXPECT_TRUE(sidecar->said("asked to stop a second time")) << sidecar->log();
}

TEST_F(Sidecars, RefusesWhatItCannotUse) {
    auto first = start({.name = "a"});
    const int port = first->port();
    ASSERT_NE(port, 0) << first->log();
    write_file(folder_.path("c.yaml"), fmt::format("election:\n  name: test\n  store: {{file: {{path: {}}}}}\n"
                                                   "http: {{listen: [\"127.0.0.1:{}\"]}}\n",
                                                   folder_.path("store/test.lease"), port));
    const auto run = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), leasehold_program());
        Process process({.arguments = arguments, .output = folder_.path("output"), .environment = {}});
        return process.wait();
    };
    EXPECT_EQ(run({"sidecar", "--config", folder_.path("c.yaml")}), 125);
    EXPECT_NE(read_file(folder_.path("output")).find("already in use"), std::string::npos);
    EXPECT_EQ(run({"sidecar"}), 2);
    EXPECT_EQ(run({"sidecar", "--config", folder_.path("none.yaml")}), 2);
    EXPECT_EQ(run({"sidecar", "--help"}), 0);
}

// Programs beside leader-elector ask with a few lines of JavaScript.
TEST_F(Sidecars, AnswerTheClientsOfLeaderElector) {
    Process possible({.arguments = {"node", "--version"}, .output = folder_.path("attempt"), .environment = {}});
    if (possible.wait() != 0) GTEST_SKIP() << "Node.js is not installed (package nodejs)";
    auto first = start({.name = "a"});
    ASSERT_TRUE(eventually([&] { return first->leads(); })) << first->log();
    auto second = start({.name = "b"});
    const auto client = [&](const Sidecar& sidecar) {
        return Process({.arguments = {"node", SIDECAR_CLIENT, std::to_string(sidecar.port()), sidecar.name(), "20"},
                        .output = folder_.path("client-" + sidecar.name()),
                        .environment = {}});
    };
    const auto last_line = [&](const char* name) {
        std::string text = read_file(folder_.path(std::string("client-") + name));
        if (!text.empty()) text.pop_back();
        return text.substr(text.rfind('\n') + 1);
    };
    Process beside_first = client(*first);
    Process beside_second = client(*second);
    ASSERT_TRUE(eventually([&] { return last_line("a") == "I am the master"; })) << last_line("a");
    ASSERT_TRUE(eventually([&] { return last_line("b") == "the master is a"; })) << last_line("b");
    first->process().signal(SIGTERM);
    ASSERT_EQ(first->process().wait(), 0) << first->log();
    EXPECT_TRUE(eventually([&] { return last_line("b") == "I am the master"; })) << last_line("b");
    EXPECT_TRUE(eventually([&] { return last_line("a") == "no answer: ECONNREFUSED"; })) << last_line("a");
    EXPECT_TRUE(beside_first.running() && beside_second.running());
}

// As PID 1 of a container: what has lost its parent is reaped, and SIGTERM is obeyed although nothing but a handler of
// its own makes PID 1 get it.
TEST_F(Sidecars, IsFitToBePid1) {
    const std::vector<std::string> namespaces = {"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"};
    std::vector<std::string> attempt = namespaces;
    attempt.emplace_back("true");
    Process possible({.arguments = attempt, .output = folder_.path("attempt"), .environment = {}});
    if (possible.wait() != 0)
        GTEST_SKIP() << "a PID namespace cannot be made here: " << read_file(folder_.path("attempt"));

    // The shell becomes the sidecar, and leaves it a child with children of its own.
    std::vector<std::string> launcher = namespaces;
    for (const char* part : {"sh", "-c", R"((sleep 1000 & sleep 1000; :) & exec "$0" "$@")"})
        launcher.emplace_back(part);
    auto sidecar = start({.name = "a", .launcher = launcher});
    ASSERT_TRUE(eventually([&] { return sidecar->leads(); })) << sidecar->log();
    const auto below_unshare = children_of(sidecar->process().pid());
    ASSERT_EQ(below_unshare.size(), 1U);
    const pid_t init = below_unshare.front();
    ASSERT_TRUE(eventually([&] { return descendants_of(init).size() == 3; }));
    ASSERT_EQ(children_of(init).size(), 1U);
    kill(children_of(init).front(), SIGKILL);
    ASSERT_TRUE(eventually([&] {  // the shell is reaped, its children are ours now
        const auto adopted = children_of(init);
        return adopted.size() == 2 && lives(adopted[0]) && lives(adopted[1]);
    }));
    for (const pid_t orphan : children_of(init)) kill(orphan, SIGKILL);
    EXPECT_TRUE(eventually([&] { return children_of(init).empty(); })) << "a zombie was left";

    kill(init, SIGHUP);
    EXPECT_TRUE(sidecar->said("SIGHUP received")) << sidecar->log();
    EXPECT_TRUE(sidecar->leads());
    kill(init, SIGTERM);
    EXPECT_EQ(sidecar->process().wait(), 0) << sidecar->log();
    EXPECT_TRUE(sidecar->said("released the lease")) << sidecar->log();
}

}  // namespace
}  // namespace leasehold::harness
