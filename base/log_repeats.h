// SPDX-License-Identifier: Apache-2.0
//
// Which lines of a log are written: one that comes again within ten seconds is only counted, and told with its count
// with the next warning after that time. So whatever goes wrong all the time costs a line every ten seconds. Plain
// values, no clock.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace leasehold::log {

class Repeats {
public:
    static constexpr Duration kQuiet = std::chrono::seconds(10);
    static constexpr std::size_t kRemembered = 16;  // different lines

    struct Line {
        int kind = 0;  // lines of different kinds are different
        std::string text;
        Duration told_at{};
        std::uint64_t untold = 0;  // how often it came since

        friend bool operator==(const Line&, const Line&) = default;
    };

    // How often this line came without being told before now; nothing: it is not to be told now either.
    std::optional<std::uint64_t> take(Duration now, int kind, std::string_view text);

    // Those whose time is over, and that came again in it: each is told of once, here. A line in the memory's way when
    // it is full is among them.
    std::vector<Line> settle(Duration now);

    // The same, of all.
    std::vector<Line> settle_all();

private:
    std::deque<Line> lines_;  // the earliest told first
    std::vector<Line> crowded_out_;
};

}  // namespace leasehold::log
