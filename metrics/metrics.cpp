// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics.h"

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "metrics/catalogue.h"
#include "metrics/process.h"

namespace leasehold::metrics {
namespace {

using prometheus::Labels;

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

bool is_process_metric(const MetricSpec& metric) { return metric.name.find("process_") != std::string_view::npos; }

std::string given_value(const MetricLabels& given, std::string_view label) {
    if (label == "name") return given.election;
    if (label == "version") return given.version;
    if (label == "revision") return given.revision;
    throw std::logic_error("metrics: no value is given for label " + std::string(label));
}

// Every combination of the values that a metric's labels can take; the last label's change first.
std::vector<Labels> label_combinations(const MetricSpec& metric, const MetricLabels& given) {
    std::vector<Labels> combinations = {{}};
    for (const LabelSpec& label : metric.labels) {
        std::vector<std::string> values(label.values.begin(), label.values.end());
        if (values.empty()) values.push_back(given_value(given, label.name));
        std::vector<Labels> longer;
        for (const Labels& combination : combinations) {
            for (const std::string& value : values) {
                longer.push_back(combination);
                longer.back()[std::string(label.name)] = value;
            }
        }
        combinations = std::move(longer);
    }
    return combinations;
}

// Of one process each, in the order of `add`. A metric of which nothing is known is left out.
class ProcessFamilies {
public:
    void add(Metric id, std::optional<double> value, const std::string& role = {}) {
        if (!value) return;
        const MetricSpec& metric = spec(id);
        const bool counts = metric.type == MetricType::counter;
        prometheus::ClientMetric sample;
        (counts ? sample.counter.value : sample.gauge.value) = *value;
        if (!role.empty()) sample.label = {{"process", role}};
        auto& family = families_[id];
        family.name = metric.name;
        family.help = metric.help;
        family.type = counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
        family.metric.push_back(sample);
    }

    void move_to(std::vector<prometheus::MetricFamily>& families) {
        for (auto& [id, family] : families_) families.push_back(std::move(family));
    }

private:
    std::map<Metric, prometheus::MetricFamily> families_;
};

// Where /proc cannot be read: an honest gap rather than zeros.
void add_process_families(std::vector<prometheus::MetricFamily>& all, const std::map<std::string, pid_t>& others) {
    ProcessFamilies families;
    if (const auto own = sample_process()) {
        families.add(Metric::process_cpu_seconds, own->cpu_seconds);
        families.add(Metric::process_resident_memory, own->resident_bytes);
        families.add(Metric::process_virtual_memory, own->virtual_bytes);
        families.add(Metric::process_open_fds, own->open_fds);
        families.add(Metric::process_max_fds, own->max_fds);
        families.add(Metric::process_start_time, own->start_unix_seconds);
    }
    for (const auto& [role, process] : others) {
        const auto sample = process > 0 ? sample_process(process) : std::nullopt;
        if (!sample) continue;
        families.add(Metric::other_process_cpu_seconds, sample->cpu_seconds, role);
        families.add(Metric::other_process_resident_memory, sample->resident_bytes, role);
        families.add(Metric::other_process_open_fds, sample->open_fds, role);
        families.add(Metric::other_process_start_time, sample->start_unix_seconds, role);
    }
    families.move_to(all);
}

// The registry keeps series in hash tables; people compare scrapes by eye.
void sort(std::vector<prometheus::MetricFamily>& families) {
    std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (auto& family : families) {
        for (auto& metric : family.metric) std::sort(metric.label.begin(), metric.label.end());
        std::sort(family.metric.begin(), family.metric.end(),
                  [](const auto& a, const auto& b) { return a.label < b.label; });
    }
}

}  // namespace

// One metric with all its series, addressed by the values of its labels in the catalogue's order.
struct Metrics::Series {
    using Values = std::vector<std::string>;
    template <class Kind>
    using Table = std::map<Metric, std::vector<Kind*>>;

    explicit Series(const MetricLabels& given_labels) : given(given_labels) {
        for (const MetricSpec& metric : catalogue()) {
            if (!is_process_metric(metric)) add(metric);
        }
    }

    void add(const MetricSpec& metric) {
        const std::string name(metric.name);
        const std::string help(metric.help);
        const auto fill = [&](auto& family, auto& table, const auto&... arguments) {
            auto& series = table[metric.id];
            for (const Labels& labels : label_combinations(metric, given)) {
                series.push_back(&family.Add(labels, arguments...));
            }
        };
        switch (metric.type) {
            case MetricType::counter:
                return fill(prometheus::BuildCounter().Name(name).Help(help).Register(registry), counters);
            case MetricType::gauge:
                return fill(prometheus::BuildGauge().Name(name).Help(help).Register(registry), gauges);
            case MetricType::histogram:
                return fill(prometheus::BuildHistogram().Name(name).Help(help).Register(registry), histograms,
                            metric.buckets);
        }
    }

    // The series of these label values; null when a value is unknown and its label has no "other".
    template <class Kind>
    static Kind* find(const Table<Kind>& table, Metric id, const Values& values) {
        const MetricSpec& metric = spec(id);
        std::size_t place = 0;  // as label_combinations() counts
        for (std::size_t i = 0; i < metric.labels.size(); ++i) {
            const auto& known = metric.labels[i].values;
            if (known.empty()) continue;  // one value, which was given
            const auto value = std::find(known.begin(), known.end(), known_value(metric.labels[i], values.at(i)));
            if (value == known.end()) return nullptr;
            place = place * known.size() + static_cast<std::size_t>(value - known.begin());
        }
        return table.at(id).at(place);
    }

    void count(Metric id, const Values& values = {}, double by = 1) const {
        if (auto* counter = find(counters, id, values)) counter->Increment(by);
    }
    // To a total that somebody else keeps.
    void raise(Metric id, double total, const Values& values = {}) const {
        auto* counter = find(counters, id, values);
        if (counter != nullptr && total > counter->Value()) counter->Increment(total - counter->Value());
    }
    void set(Metric id, double value, const Values& values = {}) const {
        if (auto* gauge = find(gauges, id, values)) gauge->Set(value);
    }
    void observe(Metric id, Duration value, const Values& values = {}) const {
        if (auto* histogram = find(histograms, id, values)) histogram->Observe(in_seconds(value));
    }

    // 1 for one value of the metric's only label, 0 for all others.
    void choose(Metric id, const std::string& value) const {
        for (const std::string_view known : spec(id).labels.front().values) {
            set(id, known == value ? 1 : 0, {std::string(known)});
        }
    }

    MetricLabels given;
    std::map<std::string, pid_t> processes;  // by role
    prometheus::Registry registry;
    Table<prometheus::Counter> counters;
    Table<prometheus::Gauge> gauges;
    Table<prometheus::Histogram> histograms;
};

Metrics::Metrics(const MetricLabels& labels) : series_(std::make_unique<Series>(labels)) {
    series_->set(Metric::build_info, 1);
}

Metrics::~Metrics() = default;

std::string Metrics::text() const {
    std::vector<prometheus::MetricFamily> families = series_->registry.Collect();
    add_process_families(families, series_->processes);
    sort(families);
    return prometheus::TextSerializer().Serialize(families);
}

void Metrics::set_timing(Duration lease_duration, Duration renew_deadline) {
    series_->set(Metric::lease_duration, in_seconds(lease_duration));
    series_->set(Metric::lease_renew_deadline, in_seconds(renew_deadline));
}

void Metrics::set_leading(bool leading) { series_->set(Metric::master_status, leading ? 1 : 0); }

void Metrics::set_paused(bool paused) { series_->set(Metric::paused, paused ? 1 : 0); }

void Metrics::set_contending(bool contending) { series_->set(Metric::contending, contending ? 1 : 0); }

void Metrics::acquired() { series_->count(Metric::leader_acquisitions); }

void Metrics::lost(const std::string& reason) { series_->count(Metric::leader_losses, {reason}); }

void Metrics::set_transitions(double transitions) { series_->set(Metric::lease_transitions, transitions); }

void Metrics::renewed(Duration took, double sent_unix_seconds, double expires_unix_seconds) {
    series_->count(Metric::lease_renewals);
    series_->observe(Metric::lease_renew_duration, took);
    series_->set(Metric::lease_last_renew, sent_unix_seconds);
    series_->set(Metric::lease_expiry, expires_unix_seconds);
}

void Metrics::renew_failed(const std::string& reason) { series_->count(Metric::lease_renew_failures, {reason}); }

void Metrics::store_request(const std::string& operation, const std::string& code, Duration took) {
    series_->count(Metric::store_requests, {operation, code});
    series_->observe(Metric::store_request_duration, took, {operation});
}

void Metrics::set_workload_state(const std::string& state) { series_->choose(Metric::workload_state, state); }

void Metrics::workload_started(double unix_seconds) {
    series_->count(Metric::workload_starts);
    series_->set(Metric::workload_start_time, unix_seconds);
}

void Metrics::workload_exited(const std::string& reason, int exit_code) {
    series_->count(Metric::workload_exits, {reason});
    series_->set(Metric::workload_last_exit_code, exit_code);
}

void Metrics::workload_killed() { series_->count(Metric::workload_kills); }

void Metrics::hook_failed(const std::string& hook) { series_->count(Metric::hook_failures, {hook}); }

void Metrics::workload_stopped(Duration took) { series_->observe(Metric::workload_stop_duration, took); }

void Metrics::fence_margin(Duration left) {
    series_->set(Metric::fence_margin, in_seconds(left));
    if (left < Duration::zero()) series_->count(Metric::fence_overruns);
}

void Metrics::set_agent_restarts(double count) { series_->raise(Metric::agent_restarts, count); }

void Metrics::set_workload_output(const std::string& stream, double lines, double bytes, double dropped_lines) {
    series_->raise(Metric::workload_output_lines, lines, {stream});
    series_->raise(Metric::workload_output_bytes, bytes, {stream});
    series_->raise(Metric::workload_output_dropped_lines, dropped_lines, {stream});
}

void Metrics::set_last_reload(bool successful) { series_->set(Metric::last_reload, successful ? 1 : 0); }

void Metrics::set_process(const std::string& role, pid_t process) { series_->processes[role] = process; }

void Metrics::set_containment(const std::string& method) { series_->choose(Metric::containment_info, method); }

}  // namespace leasehold::metrics
