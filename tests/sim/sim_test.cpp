// SPDX-License-Identifier: Apache-2.0
//
// Simulated elections: a fixed set of seeds, some random ones, that a seed means the same run each time, and that each
// checker catches what it is there for. More of them: leasehold_sim --elections 100000.
#include <cstdint>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/batch.h"
#include "tests/sim/world.h"

namespace leasehold::sim {
namespace {

void expect_clean(const BatchPlan& plan) {
    const BatchResult result = run_batch(plan);
    std::printf("%s\n", summary(result).c_str());
    for (const Outcome& bad : result.violations) ADD_FAILURE() << explain(bad, plan.wishes);
}

TEST(Simulation, fixed_seeds_keep_the_promise) {
    BatchPlan plan;
    plan.runs = 80;
    expect_clean(plan);
}

TEST(Simulation, random_seeds_keep_the_promise) {
    BatchPlan plan;
    plan.first_seed = std::random_device{}() + std::uint64_t{1'000'000};
    plan.runs = 40;
    expect_clean(plan);
}

TEST(Simulation, a_seed_means_the_same_run_every_time) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const Outcome once = run(seed, {}, false);
        const Outcome again = run(seed, {}, true);
        EXPECT_EQ(once.hash, again.hash) << "seed " << seed;
        EXPECT_EQ(once.events, again.events) << "seed " << seed;
        EXPECT_TRUE(once.trace.empty());
        EXPECT_FALSE(again.trace.empty());
        EXPECT_NE(once.hash, run(seed + 100, {}, false).hash) << "seed " << seed;
    }
}

TEST(Simulation, a_storm_has_elections_and_every_kind_of_fault) {
    BatchPlan plan;
    plan.runs = 40;
    const BatchResult result = run_batch(plan);
    EXPECT_GT(result.total.counts.terms, 500U);
    EXPECT_GT(result.total.counts.thaws, 0U);
    EXPECT_GT(result.total.counts.leftovers, 0U);
    EXPECT_FALSE(result.total.counts.handovers.empty());
    for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
        EXPECT_GT(result.total.faults[kind], 0U) << name(static_cast<Fault>(kind));
    }
}

// The negative controls: each subject is broken in one way, and one of the checkers that ought to notice does, soon.
struct Control {
    Breakage breakage;
    std::string noticed;  // part of what the checker says
    int runs = 300;       // within which it is noticed
};

void PrintTo(const Control& control, std::ostream* out) { *out << name(control.breakage); }

std::string control_name(const testing::TestParamInfo<Control>& control) {
    return std::string(name(control.param.breakage));
}

class NegativeControl : public testing::TestWithParam<Control> {};

TEST_P(NegativeControl, is_caught) {
    BatchPlan plan;
    plan.runs = GetParam().runs;
    plan.wishes.breakage = GetParam().breakage;
    const BatchResult result = run_batch(plan);
    ASSERT_FALSE(result.violations.empty()) << "not caught in " << plan.runs << " runs";
    EXPECT_NE(result.violations.front().violation->find(GetParam().noticed), std::string::npos)
        << *result.violations.front().violation;
    std::printf("caught with seed %llu, after %llu elections: %s\n",
                static_cast<unsigned long long>(result.violations.front().seed),
                static_cast<unsigned long long>(result.total.counts.terms),
                result.violations.front().violation->c_str());
}

INSTANTIATE_TEST_SUITE_P(Simulation, NegativeControl,
                         testing::Values(Control{Breakage::half_lease, "two trees"},
                                         Control{Breakage::no_hard_deadline, "tree"},
                                         Control{Breakage::early_release, "released while its tree was alive"},
                                         Control{Breakage::deadline_from_reply, "after its lease had passed"},
                                         Control{Breakage::deleted_is_free, "two trees"},
                                         Control{Breakage::standby_trusts_fast_clock, "two trees"},
                                         Control{Breakage::silence_unnoticed, "a stopped supervisor is not replaced"},
                                         Control{Breakage::stuck_agent_is_left, "a stopped agent is not replaced"},
                                         Control{Breakage::leftovers_are_ignored, "beside what an earlier run left"},
                                         Control{Breakage::reload_shortens_the_lease, "two trees", 3000},
                                         Control{Breakage::no_dead_man, "tree"}),
                         control_name);

}  // namespace
}  // namespace leasehold::sim
