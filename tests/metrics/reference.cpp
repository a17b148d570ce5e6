// SPDX-License-Identifier: Apache-2.0
#include "reference.h"

#include "metrics/catalogue.h"

namespace leasehold::metrics {
namespace {

const std::string kHead = R"(# Metrics

What `/metrics` tells, in the text format of Prometheus. This page is made from the program's own catalogue.

All series are there from the start, at zero, unless it says otherwise below. They are the agent's: after a restart of
the agent its counters begin again, as Prometheus' functions for counters expect. Durations and instants are in seconds,
instants as seconds since the epoch by the clock of the candidate's machine, for people: no decision rests on them.
`leader_election_master_status` alone bears the name of the election; the rules in `deploy/prometheus/` show how to give
it to the others. What to be woken by is there too, and a dashboard in `deploy/grafana/`; see
[operations.md](operations.md#alerts-and-dashboards).

The metrics `process_*` are of the process that answers, the agent. `leasehold_process_*` are of the two beside it, each
under its own name in the label `process`; they are missing where there is no such process (a sidecar) or the kernel
does not let the agent look into it.
)";

std::string type_in_words(const MetricSpec& metric) {
    switch (metric.type) {
        case MetricType::counter: return "counter";
        case MetricType::gauge: return "gauge";
        case MetricType::histogram: return "histogram";
    }
    return "";
}

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string label_in_words(const LabelSpec& label) {
    std::string words = quoted(label.name);
    std::string values;
    for (const std::string_view value : label.values) values += (values.empty() ? "" : ", ") + quoted(value);
    return values.empty() ? words + " (given at the start)" : words + " (" + values + ')';
}

std::string bounds_in_words(const MetricSpec& metric) {
    std::string words;
    for (const double bound : metric.buckets) {
        std::string number = std::to_string(bound);
        number.erase(number.find_last_not_of('0') + 1);
        if (number.back() == '.') number.pop_back();
        words += (words.empty() ? "" : ", ") + number;
    }
    return words;
}

std::string entry(const MetricSpec& metric) {
    std::string text = "\n## `" + std::string(metric.name) + "`\n\n" + type_in_words(metric);
    if (!metric.unit.empty()) text += " in " + std::string(metric.unit);
    if (!metric.buckets.empty()) text += ", with buckets up to " + bounds_in_words(metric);
    for (std::size_t i = 0; i < metric.labels.size(); ++i) {
        text += (i == 0 ? "; by " : " and ") + label_in_words(metric.labels[i]);
    }
    return text + "\n\n" + std::string(metric.help) + "\n\n*When to look:* " + std::string(metric.look) + '\n';
}

}  // namespace

std::string reference_page() {
    std::string page = kHead;
    for (const MetricSpec& metric : catalogue()) page += entry(metric);
    return page;
}

}  // namespace leasehold::metrics
