// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/trace.h"

#include <array>
#include <cstdio>

namespace leasehold::sim {

std::string seconds_text(Duration value) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.6f", static_cast<double>(value.count()) / 1e9);
    return text.data();
}

std::string Trace::beginning(int who) const {
    std::array<char, 60> text{};
    const double now = static_cast<double>(time_.now().count()) / 1e9;
    if (who >= 0) {
        std::snprintf(text.data(), text.size(), "%13.6f c%-5d", now, who);
    } else {
        std::snprintf(text.data(), text.size(), "%13.6f %-6s", now, who == kStore ? "store" : "world");
    }
    return text.data();
}

void Trace::append(std::string& line, Duration value) { line.append(" ").append(seconds_text(value)).append("s"); }

}  // namespace leasehold::sim
