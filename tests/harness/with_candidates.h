// SPDX-License-Identifier: Apache-2.0
//
// For test fixtures: real candidates with the test workload, judged by its stamps at the end. To be included by gtest
// programs only.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/harness/board.h"
#include "tests/harness/candidate.h"
#include "tests/harness/http_get.h"

namespace leasehold::harness {

// `Base` is a fixture; if its SetUp() skips the test, there is nothing to judge.
template <class Base>
class WithCandidates : public Base {
protected:
    void SetUp() override {
        Base::SetUp();
        if (this->IsSkipped()) return;
        board_ = std::make_unique<Board>(folder_.path("board"));
    }

    void TearDown() override {
        if (!board_) return;
        for (auto& candidate : candidates_) {
            candidate->process().signal(SIGCONT);
            candidate->process().signal(SIGTERM);
        }
        for (auto& candidate : candidates_) EXPECT_TRUE(candidate->process().wait()) << candidate->name();
        EXPECT_EQ(what_breaks_the_promise(), "");
        if (!this->HasFailure()) return;
        for (auto& candidate : candidates_) {
            std::printf("--- log of %s\n%s", candidate->name().c_str(), candidate->log().c_str());
        }
    }

    // What the stamps of the workload say, in words; empty if all is well.
    virtual std::string what_breaks_the_promise() { return find_overlap(board_->runs()); }

    // Of a candidate that does not say otherwise: what stands in election.store. Empty: a file.
    virtual std::string default_store() { return ""; }

    // Of the last renewal, as the store has it: another text for each.
    virtual std::string renew_time() { return ""; }

    Candidate& start(const std::string& name, Candidate::Options options = {}) {
        if (options.folder.empty()) options.folder = folder_.path();
        options.name = name;
        if (options.command.empty()) options.command = {stamper_program(), folder_.path("board")};
        if (options.store.empty()) options.store = default_store();
        candidates_.push_back(std::make_unique<Candidate>(std::move(options)));
        return *candidates_.back();
    }

    // The leader renews so often from now on.
    bool renewals(int wanted) {
        for (std::string last = renew_time(); wanted > 0; --wanted) {
            if (!eventually([&] { return renew_time() != last; })) return false;
            last = renew_time();
        }
        return true;
    }

    // Waits for a renewal; an instant before it was applied, as late as can be told from outside.
    std::chrono::nanoseconds before_next_renewal() {
        const std::string last = renew_time();
        auto before = monotonic_now();
        EXPECT_TRUE(eventually([&] {
            const auto asked = monotonic_now();
            if (renew_time() != last) return true;
            before = asked;
            return false;
        }));
        return before;
    }

    // Waits for more runs than `before`, and returns the newest.
    Stint next_run(std::size_t before) {
        EXPECT_TRUE(eventually([&] { return board_->runs().size() > before; })) << "no successor";
        const auto runs = board_->runs();
        return runs.empty() ? Stint{} : runs.back();
    }

    Candidate& candidate_named(const std::string& name) {
        for (auto& candidate : candidates_) {
            if (candidate->name() == name) return *candidate;
        }
        ADD_FAILURE() << "no candidate called " << name;
        return *candidates_.front();
    }

    // `after`: a size that the log had.
    bool logs(const Candidate& candidate, const std::string& text, std::size_t after = 0) {
        return eventually([&] {
            const std::string log = candidate.log();
            return after <= log.size() && log.find(text, after) != std::string::npos;
        });
    }

    // Over HTTP, within the limit.
    static bool shows(Candidate& candidate, const std::string& path, const std::string& text) {
        const int port = candidate.http_port();
        return eventually([&] { return http_get(port, path).body.find(text) != std::string::npos; });
    }

    // Attempts to renew that did not succeed, by the candidate's own count.
    static double failed_renewals(Candidate& candidate) {
        const std::string name = "leasehold_lease_renew_failures_total{";
        const std::string text = http_get(candidate.http_port(), "/metrics").body;
        double sum = 0;
        for (auto at = text.find('\n' + name); at != std::string::npos; at = text.find('\n' + name, at + 1)) {
            sum += std::atof(text.c_str() + text.find("} ", at) + 2);
        }
        return sum;
    }

    // For what must not happen meanwhile.
    static void let_pass(std::chrono::milliseconds time) {
        const auto begin = monotonic_now();
        eventually([&] { return monotonic_now() - begin >= time; }, 2 * time);
    }

    TempFolder folder_;
    std::unique_ptr<Board> board_;
    std::vector<std::unique_ptr<Candidate>> candidates_;
};

}  // namespace leasehold::harness
