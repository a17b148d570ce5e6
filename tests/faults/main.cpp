// SPDX-License-Identifier: Apache-2.0
//
// The fault suite: every row of the fault matrix that can be produced here, judged from outside.
//
//   leasehold_faults [--store KIND] [--repetitions N] [--rows REGEX] [--containment LIST] [--jobs N] [--json FILE]
//                    [--list] [--quick] [--clocks]
//
//   --store   file, which is the default, or one of those in tests/servers/ensemble.h, on servers that it starts itself
//   --quick   leaves out what takes long, and plays each row with one containment only
//   --clocks  also plays what changes the clocks of the machine, for some seconds
//
// Exit status: 0 when every trial passed, 1 when one did not, 2 for a wrong command line, 130 when interrupted.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>

#include <fmt/core.h>

#include "tests/faults/runner.h"
#include "tests/faults/table.h"

namespace {

using namespace leasehold::faults;

struct Options {
    std::string store = "file";
    int repetitions = 20;
    std::regex rows{""};
    std::vector<std::string> containments{"subreaper", "cgroup", "namespace"};
    int jobs = 6;
    std::string json;
    bool list = false;
    bool quick = false;
    bool clocks = false;
};

constexpr int kUsage = 2;

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts;
    std::istringstream in(list);
    for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
    return parts;
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--list") {
            options.list = true;
        } else if (name == "--clocks") {
            options.clocks = true;
        } else if (name == "--quick") {
            options.quick = true;
        } else if (i + 1 >= argc) {
            fmt::print(stderr, "{}: unknown, or without its value\n", name);
            std::exit(kUsage);
        } else if (const std::string value = argv[++i]; name == "--repetitions") {
            options.repetitions = std::max(1, std::atoi(value.c_str()));
        } else if (name == "--store") {
            options.store = value;
        } else if (name == "--rows") {
            options.rows = std::regex(value);
        } else if (name == "--containment") {
            options.containments = split(value);
        } else if (name == "--jobs") {
            options.jobs = std::max(1, std::atoi(value.c_str()));
        } else if (name == "--json") {
            options.json = value;
        } else {
            fmt::print(stderr, "{}: unknown option\n", name);
            std::exit(kUsage);
        }
    }
    return options;
}

// Which containment a candidate really has when it is told to use this one, as its metrics say. A method that this
// machine does not permit is not shown as if it had been tested.
std::string why_not(const std::string& containment) {
    using namespace leasehold::harness;
    const TempFolder folder;
    Candidate candidate({.folder = folder.path(),
                         .name = "probe",
                         .command = {"sleep", "1000"},
                         .timing = {},
                         .listen = "127.0.0.1:0",
                         .extra = {},
                         .workload = "  containment: " + containment + "\n"});
    const int port = candidate.process().running() ? candidate.http_port() : 0;
    const std::string metrics = port != 0 ? http_get(port, "/metrics").body : "";
    candidate.process().signal(SIGTERM);
    candidate.process().wait();
    if (port == 0) return "not possible here: " + candidate.log();
    const bool is_it =
        metrics.find("leasehold_containment_info{method=\"" + containment + "\"} 1") != std::string::npos;
    const bool says_so = candidate.log().find("containment: " + containment) != std::string::npos;
    return is_it || says_so ? "" : "leasehold does not use it here";
}

// The containments a row is played with. The short version takes one for each row, in turn.
std::vector<std::string> containments_for(const Row& row, std::size_t turn, const Options& options,
                                          const std::vector<std::string>& possible) {
    if (row.containments.empty()) return {"auto"};
    if (options.quick && !possible.empty()) return {possible[turn % possible.size()]};
    return options.containments;
}

TrialStore store_called(const std::string& name) {
    if (name == "file") return {};
    for (const leasehold::servers::EnsembleKind& kind : leasehold::servers::ensemble_kinds()) {
        if (kind.name != name) continue;
        if (kind.unavailable.empty()) return {.kind = kind};
        fmt::print(stderr, "{}\n", kind.unavailable);
        std::exit(kUsage);
    }
    fmt::print(stderr, "{}: no store that is known here\n", name);
    std::exit(kUsage);
}

bool is_played(const Row& row, const Options& options) {
    if (!std::regex_search(row.name(), options.rows)) return false;
    if (row.stores != Stores::any && (row.stores == Stores::file) != (options.store == "file")) return false;
    return (row.quick || !options.quick) && (!row.changes_clocks || options.clocks);
}

std::vector<Cell> cells_of(const std::vector<Row>& rows, const TrialStore& store, const Options& options) {
    std::map<std::string, std::string> missing;
    std::vector<std::string> possible;
    for (const std::string& containment : options.containments) {
        if (!options.list) missing[containment] = why_not(containment);
        if (missing[containment].empty()) {
            possible.push_back(containment);
        } else {
            fmt::print("containment {} is not played: {}\n", containment, missing[containment]);
        }
    }
    std::vector<Cell> cells;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Row& row = rows[i];
        if (!is_played(row, options)) continue;
        const int repetitions = std::min(options.repetitions, row.most_repetitions);
        for (const std::string& containment : containments_for(row, i, options, possible)) {
            if (missing[containment].empty()) cells.push_back({&row, &store, containment, repetitions});
        }
    }
    return cells;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    const std::vector<Row> rows = all_rows();
    TrialStore store = store_called(options.store);
    std::vector<Cell> cells = cells_of(rows, store, options);
    if (options.list) {
        for (const Cell& cell : cells) {
            fmt::print("{} [{}] x{}: {}\n", cell.row->name(), cell.containment, cell.repetitions, cell.row->expected);
        }
        return 0;
    }
    if (cells.empty()) {
        fmt::print(stderr, "no row of the matrix is called so\n");
        return kUsage;
    }
    std::unique_ptr<leasehold::servers::Ensemble> ensemble;
    if (store.kind) ensemble = leasehold::servers::start_warm(*store.kind);
    store.shared = ensemble.get();
    Table table(cells);
    const bool done = run(cells, options.jobs, [&table] { table.print_complete(); });
    if (!done) return 130;
    table.print_complete();
    table.print_end();
    if (!options.json.empty()) write_json(options.json, cells);
    for (const Cell& cell : cells) {
        if (summary_of(cell).failed()) return 1;
    }
    return 0;
}
