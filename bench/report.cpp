// SPDX-License-Identifier: Apache-2.0
#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace leasehold::bench {
namespace {

// Three digits that say something, whatever the size.
std::string number(double value) {
    const double size = std::abs(value);
    return size >= 100  ? fmt::format("{:.0f}", value)
           : size >= 10 ? fmt::format("{:.1f}", value)
                        : fmt::format("{:.2f}", value);
}

std::string against(const Limit& limit, double value) {
    return limit.value > 0 ? fmt::format("{} × {} ({})", number(value / limit.value), number(limit.value), limit.what)
                           : limit.what;
}

}  // namespace

bool Reading::is_ours() const { return subject.rfind("leasehold", 0) == 0; }

double quantile(std::vector<double> samples, double fraction) {
    if (samples.empty()) return 0;
    std::sort(samples.begin(), samples.end());
    const double at = fraction * static_cast<double>(samples.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, samples.size() - 1);
    return samples[below] + (samples[above] - samples[below]) * (at - static_cast<double>(below));
}

double median(const std::vector<double>& samples) { return quantile(samples, 0.5); }

void Report::add(Reading reading) {
    fmt::print(stderr, "{}: {}, {}: {}: {} {}{}\n", reading.section, reading.setting, reading.subject, reading.quantity,
               number(median(reading.samples)), reading.unit,
               reading.overlaps.value_or(0) > 0 ? fmt::format(", OVERLAP in {}", *reading.overlaps) : "");
    readings_.push_back(std::move(reading));
}

void Report::skip(const std::string& section, const std::string& why) {
    fmt::print(stderr, "{}: NOT MEASURED: {}\n", section, why);
    skipped_.push_back({section, why});
}

void Report::fail(const std::string& section, const std::string& why) {
    failed_ = true;
    skip(section, why);
}

std::vector<Reading> Report::missed() const {
    std::vector<Reading> missed;
    std::copy_if(readings_.begin(), readings_.end(), std::back_inserter(missed), [](const Reading& reading) {
        return reading.is_ours() && reading.at_most && median(reading.samples) > *reading.at_most;
    });
    return missed;
}

int Report::our_overlaps() const {
    int sum = 0;
    for (const Reading& reading : readings_) {
        if (reading.is_ours()) sum += reading.overlaps.value_or(0);
    }
    return sum;
}

const Reading* Report::baseline_of(const Reading& reading) const {
    const auto found = std::find_if(readings_.begin(), readings_.end(), [&](const Reading& other) {
        return other.is_ours() && other.section == reading.section && other.setting == reading.setting &&
               other.quantity == reading.quantity;
    });
    return found != readings_.end() ? &*found : nullptr;
}

std::string Report::row(const Reading& reading) const {
    const double middle = median(reading.samples);
    const Reading* baseline = baseline_of(reading);
    const double ours = baseline != nullptr ? median(baseline->samples) : 0;
    const std::string ratio = baseline == &reading || ours <= 0 ? "" : number(middle / ours) + " ×";
    const std::string goal = reading.at_most ? fmt::format("{} {}", number(*reading.at_most),
                                                           middle <= *reading.at_most ? "✓" : "**missed**")
                                             : "";
    return fmt::format("| {} | {} | {} | {} {} | {}–{} | {} | {} | {} | {} | {} | {} |\n", reading.setting,
                       reading.quantity, reading.subject, number(middle), reading.unit,
                       number(quantile(reading.samples, 0.1)), number(quantile(reading.samples, 0.9)),
                       reading.samples.size(), ratio, reading.overlaps ? std::to_string(*reading.overlaps) : "",
                       reading.limit ? against(*reading.limit, middle) : "", goal, reading.remark);
}

std::string Report::rows_of(const std::string& section) const {
    std::string text = fmt::format("### {}\n\n", section);
    std::string rows;
    for (const Reading& reading : readings_) {
        if (reading.section == section) rows += row(reading);
    }
    if (!rows.empty()) {
        text +=
            "| where | what | who | median | 10–90 % | n | to leasehold | overlaps | to the limit | goal | |\n"
            "|---|---|---|---|---|---|---|---|---|---|---|\n" +
            rows;
    }
    for (const Skipped& skipped : skipped_) {
        if (skipped.section == section) text += fmt::format("\nNot measured: {}\n", skipped.why);
    }
    return text + '\n';
}

std::string Report::table() const {
    std::vector<std::string> sections;
    const auto note = [&](const std::string& section) {
        if (std::find(sections.begin(), sections.end(), section) == sections.end()) sections.push_back(section);
    };
    for (const Reading& reading : readings_) note(reading.section);
    for (const Skipped& skipped : skipped_) note(skipped.section);
    std::string text = machine_ + "\n\n";
    for (const std::string& section : sections) text += rows_of(section);
    return text;
}

std::string Report::json() const {
    nlohmann::ordered_json document = {
        {"machine", machine_}, {"readings", nlohmann::json::array()}, {"skipped", nlohmann::json::array()}};
    for (const Reading& reading : readings_) {
        nlohmann::ordered_json one = {{"section", reading.section}, {"setting", reading.setting},
                                      {"subject", reading.subject}, {"quantity", reading.quantity},
                                      {"unit", reading.unit},       {"median", median(reading.samples)},
                                      {"samples", reading.samples}};
        if (reading.limit) one["limit"] = {{"what", reading.limit->what}, {"value", reading.limit->value}};
        if (reading.at_most) one["at_most"] = *reading.at_most;
        if (reading.overlaps) one["overlaps"] = *reading.overlaps;
        if (!reading.remark.empty()) one["remark"] = reading.remark;
        document["readings"].push_back(std::move(one));
    }
    for (const Skipped& skipped : skipped_) {
        document["skipped"].push_back({{"section", skipped.section}, {"why", skipped.why}});
    }
    return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace leasehold::bench
