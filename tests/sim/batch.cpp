// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/batch.h"

#include <algorithm>
#include <mutex>
#include <sstream>
#include <thread>

namespace leasehold::sim {
namespace {

void add(BatchResult& to, Outcome&& outcome) {
    ++to.runs;
    to.last_seed = std::max(to.last_seed, outcome.seed);
    to.total.events += outcome.events;
    to.total.virtual_time += outcome.virtual_time;
    for (std::size_t i = 0; i < kFaultKinds; ++i) to.total.faults[i] += outcome.faults[i];
    Counts& counts = to.total.counts;
    counts.terms += outcome.counts.terms;
    counts.trees += outcome.counts.trees;
    counts.releases += outcome.counts.releases;
    counts.thaws += outcome.counts.thaws;
    counts.leftovers += outcome.counts.leftovers;
    counts.leftovers_beside += outcome.counts.leftovers_beside;
    counts.longest_afterlife = std::max(counts.longest_afterlife, outcome.counts.longest_afterlife);
    counts.handovers.insert(counts.handovers.end(), outcome.counts.handovers.begin(), outcome.counts.handovers.end());
    if (outcome.violation) to.violations.push_back(std::move(outcome));
}

}  // namespace

BatchResult run_batch(const BatchPlan& plan) {
    BatchResult result;
    result.first_seed = plan.first_seed;
    std::mutex mutex;
    std::uint64_t next_seed = plan.first_seed;
    const std::uint64_t runs = plan.runs == 0 && plan.elections == 0 ? 1 : plan.runs;
    const auto work = [&] {
        std::unique_lock lock(mutex);
        while (result.violations.empty() && (runs == 0 || next_seed < plan.first_seed + runs) &&
               (plan.elections == 0 || result.total.counts.terms < plan.elections)) {
            const std::uint64_t seed = next_seed++;
            lock.unlock();
            Outcome outcome = run(seed, plan.wishes, false);
            lock.lock();
            add(result, std::move(outcome));
        }
    };
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < plan.jobs; ++i) threads.emplace_back(work);
    work();
    for (auto& thread : threads) thread.join();
    std::sort(result.violations.begin(), result.violations.end(),
              [](const Outcome& a, const Outcome& b) { return a.seed < b.seed; });
    return result;
}

std::string summary(const BatchResult& result) {
    const Counts& counts = result.total.counts;
    std::ostringstream text;
    text << "seeds " << result.first_seed << " to " << result.last_seed << ": runs " << result.runs << ", elections "
         << counts.terms << ", trees " << counts.trees << ", releases " << counts.releases << ", events "
         << result.total.events << ", virtual time "
         << std::chrono::duration_cast<std::chrono::hours>(result.total.virtual_time).count() << " h, violations "
         << result.violations.size() << "\nfaults:";
    std::uint64_t faults = 0;
    for (std::size_t i = 0; i < kFaultKinds; ++i) {
        faults += result.total.faults[i];
        text << ' ' << name(static_cast<Fault>(i)) << ' ' << result.total.faults[i] << ',';
    }
    text << " in all " << faults << "\nthawed past the hard instant: " << counts.thaws << ", longest life after it "
         << seconds_text(counts.longest_afterlife)
         << " s\nleft behind by processes that were killed at once: " << counts.leftovers << ", beside another's tree "
         << counts.leftovers_beside;
    if (!counts.handovers.empty()) {
        std::vector<Duration> sorted = counts.handovers;
        std::sort(sorted.begin(), sorted.end());
        text << "\nfrom a release to the successor's tree, all well: " << sorted.size() << " times, median "
             << seconds_text(sorted[sorted.size() / 2]) << " s, longest " << seconds_text(sorted.back()) << " s";
    }
    return text.str();
}

std::string explain(const Outcome& bad, const Wishes& wishes) {
    constexpr std::size_t kLines = 40;
    const Outcome again = run(bad.seed, wishes, true);
    std::ostringstream text;
    text << "seed " << bad.seed << ": " << *bad.violation << "\nreplay: leasehold_sim --seed " << bad.seed
         << " --trace";
    if (wishes.candidates > 0) text << " --candidates " << wishes.candidates;
    if (wishes.breakage != Breakage::none) text << " --break " << name(wishes.breakage);
    text << "\nthe last lines of its trace:\n";
    const std::size_t from = again.trace.size() > kLines ? again.trace.size() - kLines : 0;
    for (std::size_t i = from; i < again.trace.size(); ++i) text << again.trace[i] << '\n';
    return text.str();
}

}  // namespace leasehold::sim
