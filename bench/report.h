// SPDX-License-Identifier: Apache-2.0
//
// What was measured, side by side: every section of the benchmark adds its readings, and one table and one JSON
// document are made of them all.
//
// Threads: for one thread. Nothing here blocks or fails; quantities of time are in the unit that the reading names.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace leasehold::bench {

// What no implementation can get below, measured in the same run: "two writes, one delivery, one exec".
struct Limit {
    std::string what;
    double value = 0;  // in the unit of the reading
};

struct Reading {
    std::string section;   // "hand-over"
    std::string setting;   // what is compared with each other has the same: "Kubernetes Lease"
    std::string subject;   // who was measured: "leasehold", "client-go 5/3.5/0.7"
    std::string quantity;  // "nobody ran after SIGTERM"
    std::string unit;      // "ms"
    std::vector<double> samples;
    std::optional<Limit> limit = {};
    std::optional<double> at_most = {};  // the goal for the median, of leasehold's own readings only
    std::optional<int> overlaps = {};    // repetitions in which two workloads ran at the same time
    std::string remark = {};             // what a reader must know to believe it, in a few words

    bool is_ours() const;  // the subject begins with "leasehold"
};

// 0 of no samples. The fraction is of 0 to 1; between two samples it is interpolated.
double quantile(std::vector<double> samples, double fraction);
double median(const std::vector<double>& samples);

class Report {
public:
    // Also prints it, as one line, on standard error: a run takes minutes.
    void add(Reading reading);

    // What could not be measured at all: the table and the JSON say so instead of being silent.
    void skip(const std::string& section, const std::string& why);
    // The same for what should have been possible.
    void fail(const std::string& section, const std::string& why);
    bool has_failed() const { return failed_; }

    // What it was measured on; stands above the table, and in the JSON.
    void describe_machine(std::string text) { machine_ = std::move(text); }

    const std::vector<Reading>& readings() const { return readings_; }

    // Medians of leasehold's own readings that are above their goals.
    std::vector<Reading> missed() const;
    // Overlaps in leasehold's own readings: there must never be one.
    int our_overlaps() const;

    // Markdown, a table for each section. A ratio is that of a median to leasehold's first one of the same section,
    // setting and quantity.
    std::string table() const;
    std::string json() const;

private:
    struct Skipped {
        std::string section;
        std::string why;
    };

    const Reading* baseline_of(const Reading& reading) const;
    std::string row(const Reading& reading) const;
    std::string rows_of(const std::string& section) const;

    std::vector<Reading> readings_;
    std::vector<Skipped> skipped_;
    std::string machine_;
    bool failed_ = false;
};

}  // namespace leasehold::bench
