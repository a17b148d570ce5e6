// SPDX-License-Identifier: Apache-2.0
#include "prometheus_text.h"

#include <cstdlib>
#include <sstream>

namespace leasehold::metrics {
namespace {

// The family that a sample belongs to, with the suffixes of histograms taken off where there is such a family.
std::string family_of(const ParsedText& parsed, const std::string& sample) {
    std::string name = sample.substr(0, sample.find('{'));
    for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
        if (!name.ends_with(suffix)) continue;
        const std::string base = name.substr(0, name.size() - suffix.size());
        const auto found = parsed.families.find(base);
        if (found != parsed.families.end() && found->second.type == "histogram") return base;
    }
    return name;
}

// "# HELP name text" or "# TYPE name type".
bool read_comment(ParsedText& parsed, const std::string& line) {
    std::istringstream words(line);
    std::string hash;
    std::string kind;
    std::string name;
    std::string rest;
    words >> hash >> kind >> name;
    std::getline(words >> std::ws, rest);
    std::string ParsedFamily::*field = nullptr;
    if (kind == "HELP") field = &ParsedFamily::help;
    if (kind == "TYPE") field = &ParsedFamily::type;
    if (field == nullptr || name.empty() || rest.empty()) return false;
    std::string& value = parsed.families[name].*field;
    if (!value.empty()) return false;  // said twice
    value = rest;
    return true;
}

bool read_sample(ParsedText& parsed, const std::string& line) {
    const auto blank = line.rfind(' ');
    if (blank == std::string::npos || blank == 0) return false;
    const std::string series = line.substr(0, blank);
    const char* begin = line.c_str() + blank + 1;
    char* end = nullptr;
    const double value = std::strtod(begin, &end);
    if (end == begin || *end != '\0') return false;
    const auto family = parsed.families.find(family_of(parsed, series));
    if (family == parsed.families.end() || family->second.type.empty()) return false;  // TYPE comes first
    return family->second.samples.emplace(series, value).second;                       // and no series twice
}

}  // namespace

std::optional<double> ParsedText::value(const std::string& series) const {
    for (const auto& [name, family] : families) {
        const auto found = family.samples.find(series);
        if (found != family.samples.end()) return found->second;
    }
    return std::nullopt;
}

ParsedText parse_prometheus_text(const std::string& text) {
    ParsedText parsed;
    if (!text.ends_with('\n')) parsed.problem = "the last line has no end";
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        const bool good = line.starts_with('#') ? read_comment(parsed, line) : read_sample(parsed, line);
        if (!good && parsed.problem.empty()) parsed.problem = line;
    }
    return parsed;
}

}  // namespace leasehold::metrics
