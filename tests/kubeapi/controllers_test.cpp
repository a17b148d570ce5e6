// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes' own kube-scheduler, made highly available by leasehold instead of by its built-in election; and beside
// one that uses that election, on one Lease.
//
// That never two of leasehold's run at once is judged by a file that each of them locks for as long as it lives:
// flock(1) executes it in its own place, and ends with kConflict if another one has the lock.
#include <algorithm>
#include <csignal>
#include <filesystem>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/kubeapi/leasehold_fixture.h"

namespace leasehold::servers {
namespace {

using harness::Candidate;
using harness::eventually;
using harness::Process;
using testing::HasSubstr;

constexpr int kConflict = 99;
const harness::TestTiming kTiming{"5s", "3500ms", "700ms", ""};

class ControllersTest : public LeaseholdTest {
protected:
    void SetUp() override {
        LeaseholdTest::SetUp();
        if (IsSkipped()) return;
        kubeconfig_ = api().kubeconfig(KubeApi::kAdmin, name_space());
        make_unused_lease();
        // A machine that nobody looks after, with room for many pods that do not mind.
        api().must("POST", "/api/v1/nodes",
                   {{"metadata", {{"name", name_space()}, {"labels", {{"for", name_space()}}}}},
                    {"status", {{"allocatable", {{"cpu", "64"}, {"memory", "64Gi"}, {"pods", "100"}}}}}});
    }

    void TearDown() override {
        if (!kubeconfig_.empty()) api().must("DELETE", "/api/v1/nodes/" + name_space());
        LeaseholdTest::TearDown();
    }

    std::vector<std::string> scheduler(const ReservedPort& port, bool elects) const {
        std::vector<std::string> command{KubeApi::program("kube-scheduler"), "--kubeconfig=" + kubeconfig_,
                                         "--address=127.0.0.1", fmt::format("--port={}", port.number()),
                                         "--secure-port=0"};
        if (!elects) {
            command.emplace_back("--leader-elect=false");
            return command;
        }
        for (const std::string& option :
             {std::string("=true"), "-lease-duration=" + kTiming.lease, "-renew-deadline=" + kTiming.deadline,
              "-retry-period=" + kTiming.retry, std::string("-resource-lock=leases"),
              std::string("-resource-name=test"), "-resource-namespace=" + name_space()}) {
            command.push_back("--leader-elect" + option);
        }
        return command;
    }

    Candidate::Options wrapped(const std::string& election = "test") const {
        std::vector<std::string> command{"flock", "--nonblock", "--no-fork",
                                         fmt::format("--conflict-exit-code={}", kConflict), folder_.path("alive")};
        for (const std::string& part : scheduler(port_, false)) command.push_back(part);
        return {.command = command, .timing = kTiming, .election = election};
    }

    // The running kube-scheduler among a candidate's descendants; 0 for none.
    static pid_t scheduler_of(Candidate& candidate) {
        if (!candidate.process().running()) return 0;
        for (const pid_t process : harness::descendants_of(candidate.process().pid())) {
            if (harness::name_of(process) == "kube-scheduler" && harness::lives(process)) return process;
        }
        return 0;
    }

    Candidate* leader() {
        for (auto& candidate : candidates_) {
            if (scheduler_of(*candidate) != 0) return candidate.get();
        }
        return nullptr;
    }

    // Waits until one of leasehold's runs another kube-scheduler than `before`.
    pid_t next_scheduler(pid_t before) {
        pid_t found = 0;
        EXPECT_TRUE(eventually([&] {
            Candidate* const candidate = leader();
            found = candidate != nullptr ? scheduler_of(*candidate) : 0;
            return found != 0 && found != before;
        }));
        return found;
    }

    void forget(Candidate& candidate) {
        std::erase_if(candidates_, [&](const auto& one) { return one.get() == &candidate; });
    }

    static bool healthy(const ReservedPort& port) {
        return eventually([&] { return harness::http_get(port.number(), "/healthz").body == "ok"; });
    }

    std::string holder() { return lease()["spec"].value("holderIdentity", ""); }

    // Whether a new pod is assigned to our machine. Nobody but a scheduler does that.
    bool works() {
        const std::string pods = "/api/v1/namespaces/" + name_space() + "/pods";
        const std::string name = "pod-" + std::to_string(++pods_);
        api().must("POST", pods,
                   {{"metadata", {{"name", name}}},
                    {"spec",
                     {{"nodeSelector", {{"for", name_space()}}},
                      {"tolerations", {{{"operator", "Exists"}}}},
                      {"containers", {{{"name", "c"}, {"image", "nothing"}}}}}}});
        return eventually([&] { return api().must("GET", pods + '/' + name)["spec"].value("nodeName", "") != ""; });
    }

    void expect_no_conflict() {
        for (auto& candidate : candidates_) {
            EXPECT_TRUE(candidate->process().running()) << candidate->name();
            EXPECT_EQ(candidate->log().find(fmt::format("status {}", kConflict)), std::string::npos);
        }
    }

    std::string kubeconfig_;
    ReservedPort port_;  // of the one that leasehold runs
    int pods_ = 0;
};

TEST_F(ControllersTest, ASchedulerUnderLeaseholdFailsOver) {
    start("a", wrapped());
    pid_t running = next_scheduler(0);
    start("b", wrapped());
    ASSERT_TRUE(logs(candidate_named("b"), "a holds the lease"));
    EXPECT_TRUE(healthy(port_));
    EXPECT_TRUE(works());
    for (const bool in_order : {true, false, true}) {
        Candidate& old = *leader();
        const std::string name = old.name();
        if (in_order) {
            old.process().signal(SIGTERM);
        } else {
            old.kill_all();
        }
        EXPECT_TRUE(old.process().wait());
        EXPECT_TRUE(eventually([&] { return !harness::lives(running); })) << "its kube-scheduler outlived " << name;
        forget(old);
        running = next_scheduler(running);
        EXPECT_TRUE(healthy(port_));
        EXPECT_TRUE(works());
        EXPECT_NE(holder(), name);
        expect_no_conflict();
        start(name, wrapped());
        ASSERT_TRUE(logs(candidate_named(name), holder() + " holds the lease"));
    }
    EXPECT_EQ(lease()["spec"]["leaseTransitions"], 4);
}

// A kube-scheduler that uses its built-in election, on the Lease of leasehold's.
class Elector {
public:
    Elector(const std::vector<std::string>& command, std::string log)
        : log_(std::move(log)), process_({.arguments = command, .output = log_, .environment = {}}) {}

    Process& process() { return process_; }
    std::string log() const { return harness::read_file(log_); }
    bool leads() const { return log().find("successfully acquired lease") != std::string::npos; }

private:
    std::string log_;
    Process process_;
};

TEST_F(ControllersTest, ALeaseIsSharedWithTheElectionOfAScheduler) {
    const ReservedPort other_port;
    start("a", wrapped());
    pid_t running = next_scheduler(0);
    for (int round = 0; round < 2; ++round) {
        SCOPED_TRACE(round);
        Elector elector(scheduler(other_port, true), folder_.path(fmt::format("elector-{}.log", round)));
        ASSERT_TRUE(eventually([&] { return elector.log().find("attempting to acquire") != std::string::npos; }));
        EXPECT_TRUE(healthy(other_port)) << elector.log();
        EXPECT_FALSE(elector.leads());
        EXPECT_TRUE(works());

        candidate_named("a").process().signal(SIGTERM);
        ASSERT_TRUE(eventually([&] {
            const bool leads = elector.leads();
            EXPECT_FALSE(leads && harness::lives(running)) << "both lead";
            return leads;
        })) << elector.log();
        EXPECT_TRUE(candidate_named("a").process().wait());
        forget(candidate_named("a"));
        const std::string theirs = holder();
        EXPECT_NE(theirs, "a");
        EXPECT_TRUE(works());

        auto& again = start("a", wrapped());
        ASSERT_TRUE(logs(again, theirs + " holds the lease"));
        EXPECT_TRUE(works());
        EXPECT_EQ(scheduler_of(again), 0);
        elector.process().signal(SIGTERM);
        EXPECT_TRUE(elector.process().wait());
        // It gives nothing back when it ends: its lease has to pass.
        EXPECT_EQ(scheduler_of(again), 0) << "both led";
        EXPECT_EQ(holder(), theirs);
        running = next_scheduler(running);
        EXPECT_EQ(holder(), "a");
        EXPECT_TRUE(healthy(port_));
        EXPECT_TRUE(works());
        EXPECT_EQ(lease()["spec"]["leaseTransitions"], 3 + 2 * round);
    }
}

// Two elections that share nothing but the file: the judge must see it.
TEST_F(ControllersTest, TheJudgeSeesTwoSchedulers) {
    start("a", wrapped());
    next_scheduler(0);
    api().must("POST", kLeases + name_space() + "/leases",
               {{"metadata", {{"name", "other"}, {"annotations", {{"leasehold.io/unused", "true"}}}}}});
    auto& stray = start("b", wrapped("other"));
    EXPECT_EQ(stray.process().wait(), kConflict);
    EXPECT_THAT(stray.log(), HasSubstr(fmt::format("status {}", kConflict)));
}

}  // namespace
}  // namespace leasehold::servers
