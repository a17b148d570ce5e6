// SPDX-License-Identifier: Apache-2.0
#include "base/duration_text.h"

#include <cstdint>

namespace leasehold {
namespace {

// `count` thousandths (or millionths, ...) of a unit as a decimal number without trailing zeros.
std::string decimal(std::int64_t count, std::int64_t scale) {
    std::string text = std::to_string(count / scale);
    std::string fraction = std::to_string(count % scale + scale).substr(1);
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    return fraction.empty() ? text : text + '.' + fraction;
}

}  // namespace

std::string to_text(Duration duration) {
    if (duration < Duration::zero()) return '-' + to_text(-duration);
    const std::int64_t ns = duration.count();
    if (ns == 0) return "0s";
    if (ns < 1'000) return decimal(ns, 1) + "ns";
    if (ns < 1'000'000) return decimal(ns, 1'000) + "us";
    if (ns < 1'000'000'000) return decimal(ns, 1'000'000) + "ms";
    const std::int64_t minute = 60LL * 1'000'000'000;
    std::string text;
    std::int64_t rest = ns;
    if (rest >= 60 * minute) text += std::to_string(rest / (60 * minute)) + 'h';
    rest %= 60 * minute;
    if (rest >= minute) text += std::to_string(rest / minute) + 'm';
    rest %= minute;
    if (rest > 0) text += decimal(rest, 1'000'000'000) + 's';
    return text;
}

std::string to_rounded_text(Duration duration) {
    return to_text(std::chrono::round<std::chrono::milliseconds>(duration));
}

}  // namespace leasehold
