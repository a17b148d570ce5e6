// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <map>

#include "tests/faults/row.h"

namespace leasehold::faults {
namespace {

struct Variant {
    std::vector<std::string> options;
    std::size_t slots = 1;  // how many processes have stamped once all of it runs
};

const std::map<std::string, Variant>& variants() {
    static const std::map<std::string, Variant> all{
        {"plain", {{}, 1}},
        {"ignores TERM", {{"--ignore-term"}, 1}},
        {"several processes", {{"--processes", "3"}, 3}},
        {"setsid", {{"--setsid"}, 2}},
        {"daemon", {{"--daemon"}, 2}},
        {"clears its environment", {{"--clear-environment", "--daemon"}, 2}},
        {"below a subreaper", {{"--below-subreaper"}, 3}},
        {"forks without end", {{"--forking"}, 2}},
        {"stops itself", {{"--stop-after", "100"}, 1}},
        {"worst", {{"--ignore-term", "--clear-environment", "--setsid", "--daemon", "--below-subreaper"}, 5}},
        {"ends with 3", {{"--exit-after", "700", "3"}, 1}},
        {"ends with 0", {{"--exit-after", "700", "0"}, 1}},
        {"ends with 3, leaves a daemon", {{"--exit-after", "700", "3", "--daemon", "--ignore-term"}, 2}},
    };
    return all;
}

}  // namespace

Promise Row::promise(const std::string& containment, const std::string& variant) const {
    if (negative_control) return Promise::must_overlap;
    const bool named = std::find(limited.begin(), limited.end(), containment) != limited.end();
    return named && (plain_too || variant != "plain") ? Promise::limited : Promise::kept;
}

std::vector<std::string> stamper_options(const std::string& variant) { return variants().at(variant).options; }

std::size_t stamper_slots(const std::string& variant) { return variants().at(variant).slots; }

const std::vector<std::string>& all_variants() {
    static const std::vector<std::string> names{"plain",
                                                "worst",
                                                "ignores TERM",
                                                "daemon",
                                                "forks without end",
                                                "below a subreaper",
                                                "clears its environment",
                                                "setsid",
                                                "several processes"};
    return names;
}

const std::vector<std::string>& few_variants() {
    static const std::vector<std::string> names{"plain", "worst"};
    return names;
}

std::vector<Row> all_rows() {
    std::vector<Row> all;
    for (const auto& part : {rows_of_processes, rows_of_pairs, rows_of_frozen_candidates, rows_of_environments,
                             rows_of_phases, rows_of_signals, rows_of_workloads, rows_of_the_record, rows_of_the_file,
                             rows_of_servers, rows_of_load, rows_of_clocks, rows_of_negative_controls}) {
        for (Row& row : part()) all.push_back(std::move(row));
    }
    return all;
}

}  // namespace leasehold::faults
