// SPDX-License-Identifier: Apache-2.0
//
// leasehold candidates on a real API server, judged by the stamps of their workloads.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/harness/board.h"
#include "tests/harness/candidate.h"
#include "tests/servers/kube_api_fixture.h"

namespace leasehold::servers {

class LeaseholdTest : public KubeApiTest {
protected:
    static constexpr const char* kLeases = "/apis/coordination.k8s.io/v1/namespaces/";

    void SetUp() override {
        KubeApiTest::SetUp();
        if (IsSkipped()) return;
        board_ = std::make_unique<harness::Board>(folder_.path("board"));
    }

    void TearDown() override {
        if (!board_) return;
        for (auto& candidate : candidates_) {
            candidate->process().signal(SIGCONT);
            candidate->process().signal(SIGTERM);
        }
        for (auto& candidate : candidates_) EXPECT_TRUE(candidate->process().wait()) << candidate->name();
        EXPECT_EQ(what_breaks_the_promise(), "");
        if (!HasFailure()) return;
        for (auto& candidate : candidates_) {
            std::printf("--- log of %s\n%s", candidate->name().c_str(), candidate->log().c_str());
        }
    }

    // What the stamps of the workload say, in words; empty if all is well.
    virtual std::string what_breaks_the_promise() { return harness::find_overlap(board_->runs()); }

    // The rights that the shipped Role gives, for a user of this namespace. "" for no role label.
    void grant_role(const std::string& user) {
        api().grant(name_space(), user,
                    {{"coordination.k8s.io", "leases", {"create"}},
                     {"coordination.k8s.io", "leases", {"get", "update", "watch"}, {"test"}},
                     {"", "events", {"create"}},
                     {"", "pods", {"patch"}}});
    }

    // The Lease as the shipped manifest makes it: nobody has to wait.
    void make_unused_lease() {
        api().must("POST", kLeases + name_space() + "/leases",
                   {{"metadata", {{"name", "test"}, {"annotations", {{"leasehold.io/unused", "true"}}}}}});
    }

    std::string renew_time() {
        const auto answer = api().request("GET", kLeases + name_space() + "/leases/test");  // may fail meanwhile
        const auto spec =
            answer.status == 200 ? answer.json().value("spec", nlohmann::json::object()) : nlohmann::json();
        return spec.is_object() ? spec.value("renewTime", "") : "";
    }
    nlohmann::json lease() { return api().must("GET", kLeases + name_space() + "/leases/test"); }

    std::string store_with(const std::string& kubeconfig, const std::string& more = {}) const {
        return "kubernetes: {kubeconfig: " + kubeconfig + (more.empty() ? "" : ", " + more) + '}';
    }

    // A candidate with an administrator's rights, unless `options` says otherwise.
    harness::Candidate& start(const std::string& name, harness::Candidate::Options options = {}) {
        if (options.folder.empty()) options.folder = folder_.path();
        options.name = name;
        if (options.command.empty()) options.command = {harness::stamper_program(), folder_.path("board")};
        if (options.store.empty()) options.store = store_with(api().kubeconfig(KubeApi::kAdmin, name_space()));
        candidates_.push_back(std::make_unique<harness::Candidate>(std::move(options)));
        return *candidates_.back();
    }

    // Waits for more runs than `before`, and returns the newest.
    harness::Stint next_run(std::size_t before) {
        EXPECT_TRUE(harness::eventually([&] { return board_->runs().size() > before; })) << "no successor";
        const auto runs = board_->runs();
        return runs.empty() ? harness::Stint{} : runs.back();
    }

    harness::Candidate& candidate_named(const std::string& name) {
        for (auto& candidate : candidates_) {
            if (candidate->name() == name) return *candidate;
        }
        ADD_FAILURE() << "no candidate called " << name;
        return *candidates_.front();
    }

    // `after`: a size that the log had.
    bool logs(const harness::Candidate& candidate, const std::string& text, std::size_t after = 0) {
        return harness::eventually([&] {
            const std::string log = candidate.log();
            return after <= log.size() && log.find(text, after) != std::string::npos;
        });
    }

    // The leader renews so often from now on.
    bool renewals(int wanted) {
        for (std::string last = renew_time(); wanted > 0; --wanted) {
            if (!harness::eventually([&] { return renew_time() != last; })) return false;
            last = renew_time();
        }
        return true;
    }

    // Waits for a renewal; an instant before it was applied, as late as can be told from outside.
    std::chrono::nanoseconds before_next_renewal() {
        const std::string last = renew_time();
        auto before = harness::monotonic_now();
        EXPECT_TRUE(harness::eventually([&] {
            const auto asked = harness::monotonic_now();
            if (renew_time() != last) return true;
            before = asked;
            return false;
        }));
        return before;
    }

    // Attempts to renew that did not succeed, by the candidate's own count.
    static double failed_renewals(harness::Candidate& candidate) {
        const std::string name = "leasehold_lease_renew_failures_total{";
        const std::string text = harness::http_get(candidate.http_port(), "/metrics").body;
        double sum = 0;
        for (auto at = text.find('\n' + name); at != std::string::npos; at = text.find('\n' + name, at + 1)) {
            sum += std::atof(text.c_str() + text.find("} ", at) + 2);
        }
        return sum;
    }

    // For what must not happen meanwhile.
    static void let_pass(std::chrono::milliseconds time) {
        const auto begin = harness::monotonic_now();
        harness::eventually([&] { return harness::monotonic_now() - begin >= time; }, 2 * time);
    }

    harness::TempFolder folder_;
    std::unique_ptr<harness::Board> board_;
    std::vector<std::unique_ptr<harness::Candidate>> candidates_;
};

}  // namespace leasehold::servers
