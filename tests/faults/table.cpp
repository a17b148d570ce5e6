// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/table.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include <fmt/core.h>

#include "tests/faults/outcome_json.h"

namespace leasehold::faults {
namespace {

std::optional<double> middle_of(std::vector<double>& values) {
    if (values.empty()) return std::nullopt;
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

std::string text_of(const std::optional<double>& value) { return value ? fmt::format("{:.1f}", *value) : "-"; }

std::string verdict_of(const Cell& cell, const Summary& summary) {
    if (summary.failed()) return "FAILED";
    if (summary.played == 0) return "skipped: " + (cell.outcomes.empty() ? "" : cell.outcomes.front().skipped);
    if (cell.row->negative_control) return "caught";
    std::string verdict = summary.limited && summary.overlap_ms > 0 ? "limit, as documented" : "passed";
    if (summary.slow) verdict += fmt::format(", slower than {:.0f} ms", *cell.row->goal_ms);
    return verdict;
}

}  // namespace

Summary summary_of(const Cell& cell) {
    Summary summary;
    std::vector<double> nobody_ran;
    std::vector<double> thawed;
    for (const Outcome& outcome : cell.outcomes) {
        if (!outcome.skipped.empty()) {
            ++summary.skipped;
            continue;
        }
        ++summary.played;
        if (outcome.problem.empty()) ++summary.passed;
        summary.overlap_ms = std::max(summary.overlap_ms, outcome.overlap_ms);
        if (outcome.nobody_ran_ms) nobody_ran.push_back(*outcome.nobody_ran_ms);
        if (outcome.thawed_ms) thawed.push_back(*outcome.thawed_ms);
        if (cell.row->promise(cell.containment, outcome.variant) == Promise::limited) summary.limited = true;
    }
    summary.median_ms = middle_of(nobody_ran);
    summary.thawed_median_ms = middle_of(thawed);
    if (!nobody_ran.empty()) {
        summary.least_ms = nobody_ran.front();
        summary.most_ms = nobody_ran.back();
    }
    if (!thawed.empty()) summary.thawed_most_ms = thawed.back();
    summary.slow = cell.row->goal_ms && summary.median_ms && *summary.median_ms > *cell.row->goal_ms;
    return summary;
}

void Table::print_complete() {
    for (; printed_ < cells_.size() && cells_[printed_].complete(); ++printed_) print(cells_[printed_]);
    std::fflush(stdout);
}

void Table::print(const Cell& cell) {
    if (cell.row->subject != subject_) {
        subject_ = cell.row->subject;
        fmt::print("\n{:<66} {:<11} {:>7} {:>11}  {:>33}\n", subject_, "containment", "passed", "overlap",
                   "nobody ran: min, median, max");
    }
    const Summary summary = summary_of(cell);
    fmt::print("  {:<64} {:<11} {:>7} {:>8.1f} ms  {:>10} {:>8} {:>8} ms  {}; expected: {}\n", cell.row->fault,
               cell.containment, fmt::format("{}/{}", summary.passed, summary.played), summary.overlap_ms,
               text_of(summary.least_ms), text_of(summary.median_ms), text_of(summary.most_ms),
               verdict_of(cell, summary), cell.row->expected);
    if (summary.thawed_median_ms) {
        fmt::print("      after the thaw the old tree ran on for {:.1f} ms (median), {:.1f} ms (most)\n",
                   *summary.thawed_median_ms, *summary.thawed_most_ms);
    }
    std::set<std::string> said;
    for (const Outcome& outcome : cell.outcomes) {
        if (outcome.problem.empty() || !said.insert(outcome.variant + outcome.problem).second) continue;
        fmt::print("      with workload `{}`: {}\n", outcome.variant, outcome.problem);
    }
}

void Table::print_end() const {
    std::size_t cells = 0;
    int played = 0;
    int passed = 0;
    std::vector<std::string> failed;
    int skipped = 0;
    int limits = 0;
    for (const Cell& cell : cells_) {
        const Summary summary = summary_of(cell);
        if (summary.played > 0) ++cells;
        if (summary.played == 0) ++skipped;
        played += summary.played;
        passed += summary.passed;
        if (!cell.row->negative_control && summary.limited && summary.overlap_ms > 0) ++limits;
        if (summary.failed()) failed.push_back(fmt::format("{} [{}]", cell.row->name(), cell.containment));
    }
    fmt::print("\n{} of {} trials in {} cells passed; {} cells skipped\n", passed, played, cells, skipped);
    if (limits > 0) fmt::print("{} of the cells show a limit, with its overlap, as docs/guarantee.md has it\n", limits);
    for (const std::string& name : failed) fmt::print("FAILED  {}\n", name);
    for (const Cell& cell : cells_) {
        const auto bad = std::find_if(cell.outcomes.begin(), cell.outcomes.end(),
                                      [](const Outcome& outcome) { return !outcome.problem.empty(); });
        if (bad == cell.outcomes.end()) continue;
        fmt::print("\n==== {} [{}], workload `{}`: {}\n{}", cell.row->name(), cell.containment, bad->variant,
                   bad->problem, bad->log);
    }
}

void write_json(const std::string& path, const std::vector<Cell>& cells) {
    std::string lines;
    for (const Cell& cell : cells) {
        const Summary summary = summary_of(cell);
        nlohmann::json trials = nlohmann::json::array();
        for (const Outcome& outcome : cell.outcomes) {
            nlohmann::json trial = to_json(outcome);
            trial.erase("log");
            trials.push_back(std::move(trial));
        }
        const nlohmann::json line = {{"subject", cell.row->subject},
                                     {"fault", cell.row->fault},
                                     {"containment", cell.containment},
                                     {"expected", cell.row->expected},
                                     {"passed", summary.passed},
                                     {"played", summary.played},
                                     {"overlap_ms", summary.overlap_ms},
                                     {"nobody_ran_ms",
                                      {{"min", to_json(summary.least_ms)},
                                       {"median", to_json(summary.median_ms)},
                                       {"max", to_json(summary.most_ms)}}},
                                     {"thawed_ms", to_json(summary.thawed_median_ms)},
                                     {"limited", summary.limited},
                                     {"verdict", verdict_of(cell, summary)},
                                     {"trials", trials}};
        lines += line.dump() + '\n';
    }
    harness::write_file(path, lines);
}

}  // namespace leasehold::faults
