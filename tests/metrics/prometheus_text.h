// SPDX-License-Identifier: Apache-2.0
//
// A reader of the Prometheus text format 0.0.4, strict enough to notice what a scraper would refuse.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace leasehold::metrics {

struct ParsedFamily {
    std::string help;
    std::string type;
    std::map<std::string, double> samples;  // by everything before the value: name{label="value",...}
};

struct ParsedText {
    std::map<std::string, ParsedFamily> families;
    std::string problem;  // the first line that is wrong, empty when all are right

    // The value of a series, from whichever family it is in.
    std::optional<double> value(const std::string& series) const;
};

ParsedText parse_prometheus_text(const std::string& text);

}  // namespace leasehold::metrics
