// SPDX-License-Identifier: Apache-2.0
#include "base/log_repeats.h"

#include <algorithm>
#include <utility>

namespace leasehold::log {

std::optional<std::uint64_t> Repeats::take(Duration now, int kind, std::string_view text) {
    const auto same = [&](const Line& line) { return line.kind == kind && line.text == text; };
    const auto found = std::find_if(lines_.begin(), lines_.end(), same);
    std::uint64_t untold = 0;
    if (found != lines_.end()) {
        if (now - found->told_at < kQuiet) {
            ++found->untold;
            return std::nullopt;
        }
        untold = found->untold;
        lines_.erase(found);
    }
    lines_.push_back({kind, std::string(text), now, 0});
    if (lines_.size() > kRemembered) {
        if (lines_.front().untold > 0) crowded_out_.push_back(std::move(lines_.front()));
        lines_.pop_front();
    }
    return untold;
}

std::vector<Repeats::Line> Repeats::settle(Duration now) {
    std::vector<Line> told = std::exchange(crowded_out_, {});
    while (!lines_.empty() && now - lines_.front().told_at >= kQuiet) {
        if (lines_.front().untold > 0) told.push_back(std::move(lines_.front()));
        lines_.pop_front();
    }
    return told;
}

std::vector<Repeats::Line> Repeats::settle_all() {
    return lines_.empty() ? settle(Duration::zero()) : settle(lines_.back().told_at + kQuiet);
}

}  // namespace leasehold::log
