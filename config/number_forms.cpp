// SPDX-License-Identifier: Apache-2.0
//
// Durations and percentages. Whole numbers throughout: 0.1s is 100000000 ns and not nearly so.
#include <charconv>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string_view>

#include <fmt/core.h>

#include "base/duration_text.h"
#include "config/forms.h"

namespace leasehold::config {
namespace {

constexpr Duration kLongestDuration = std::chrono::hours(24) * 365;  // sums of a few stay far from an overflow

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A decimal number taken from the front of a text: 12.50 is {12, 50, 100}.
struct Decimal {
    std::int64_t whole = 0;
    std::int64_t fraction = 0;
    std::int64_t scale = 1;
};

// Nothing if there is no number, or one with more than nine digits on a side. `text` loses what was taken.
std::optional<Decimal> take_decimal(std::string_view& text) {
    constexpr std::size_t kMostDigits = 9;
    Decimal number;
    std::size_t digits = 0;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
        if (++digits > kMostDigits) return std::nullopt;
        number.whole = number.whole * 10 + (text.front() - '0');
    }
    if (digits == 0) return std::nullopt;
    if (!text.starts_with('.')) return number;
    text.remove_prefix(1);
    for (digits = 0; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
        if (++digits > kMostDigits) return std::nullopt;
        number.fraction = number.fraction * 10 + (text.front() - '0');
        number.scale *= 10;
    }
    if (digits == 0) return std::nullopt;
    return number;
}

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};

// "ms" stands before "m" so that the longer name is found first. The micro sign has two code points.
constexpr Unit kUnits[] = {{"ns", 1},         {"us", 1'000},        {"\u00b5s", 1'000},    {"\u03bcs", 1'000},
                           {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

const Unit* take_unit(std::string_view& text) {
    for (const Unit& unit : kUnits) {
        if (!text.starts_with(unit.name)) continue;
        text.remove_prefix(unit.name.size());
        return &unit;
    }
    return nullptr;
}

// `number` of `unit`; refused when it is longer than the longest duration or finer than a nanosecond.
Result<Duration> multiplied(const Decimal& number, const Unit& unit) {
    if (number.whole > kLongestDuration.count() / unit.nanoseconds) {
        return failure(fmt::format("is longer than a year ({})", to_text(kLongestDuration)));
    }
    const std::int64_t common = std::gcd(number.scale, unit.nanoseconds);
    const std::int64_t fraction = number.fraction * (unit.nanoseconds / common);
    if (fraction % (number.scale / common) != 0) return failure("is finer than a nanosecond");
    return Duration(number.whole * unit.nanoseconds + fraction / (number.scale / common));
}

Result<Duration> read_duration(const std::string& text) {
    constexpr const char* kExamples = "write one like 15s, 1m30s or 250ms";
    if (text.empty()) return failure(fmt::format("is empty, not a duration; {}", kExamples));
    if (text.front() == '-') return failure("is negative, which a duration cannot be");
    std::string_view rest = text;
    Duration total{};
    do {
        const bool first = rest.size() == text.size();
        const auto number = take_decimal(rest);
        if (number && first && rest.empty()) {
            return failure(fmt::format("has no unit; write {0}s for seconds or {0}ms for milliseconds", text));
        }
        const Unit* unit = number ? take_unit(rest) : nullptr;
        if (unit == nullptr) return failure(fmt::format("is not a duration; {}", kExamples));
        auto part = multiplied(*number, *unit);
        if (!part) return part;
        total += *part;
        if (total > kLongestDuration) {
            return failure(fmt::format("is longer than a year ({})", to_text(kLongestDuration)));
        }
    } while (!rest.empty());
    return total;
}

Result<Duration> read_positive_duration(const std::string& text) {
    auto duration = read_duration(text);
    if (duration && *duration == Duration::zero()) return failure("must be longer than zero");
    return duration;
}

constexpr int kPercentDecimals = 4;
constexpr std::int64_t kPercentScale = 10'000;

Result<double> read_percentage(const std::string& text, int at_most) {
    std::string_view rest = text;
    auto number = take_decimal(rest);
    if (!number || rest != "%") return failure("is not a percentage; write one like 1% or 0.5%");
    for (; number->scale > kPercentScale && number->fraction % 10 == 0; number->scale /= 10) number->fraction /= 10;
    if (number->scale > kPercentScale) return failure(fmt::format("has more than {} decimals", kPercentDecimals));
    const std::int64_t count = number->whole * kPercentScale + number->fraction * (kPercentScale / number->scale);
    if (count > at_most * kPercentScale) return failure(fmt::format("must be between 0% and {}%", at_most));
    return static_cast<double>(count) / static_cast<double>(kPercentScale * 100);
}

std::string write_percentage(double share) {
    const std::int64_t count = std::llround(share * static_cast<double>(kPercentScale * 100));
    std::string text = fmt::format("{}.{:0{}}", count / kPercentScale, count % kPercentScale, kPercentDecimals);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text + "%";
}

constexpr const char* kDuration = "duration";

Schema duration_schema() { return text_matching("^([0-9]{1,9}(\\.[0-9]{1,9})?(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$"); }

}  // namespace

Form<Duration> duration_form() { return {read_duration, to_text, duration_schema(), true, kDuration}; }

Form<Duration> positive_duration_form() {
    return {read_positive_duration, to_text, duration_schema(), true, kDuration};
}

Form<Duration> duration_form_of(Duration at_least) {
    const auto read = [at_least](const std::string& text) -> Result<Duration> {
        auto duration = read_duration(text);
        if (duration && *duration < at_least) return failure("is less than " + to_text(at_least));
        return duration;
    };
    return {read, to_text, duration_schema(), true, kDuration};
}

Form<double> percentage_form(int at_most) {
    const auto read = [at_most](const std::string& text) { return read_percentage(text, at_most); };
    return {read, write_percentage, text_matching("^[0-9]{1,9}(\\.[0-9]{1,9})?%$"), true, "percentage"};
}

Form<int> integer_form(int least, int most) {
    const auto read = [least, most](const std::string& text) -> Result<int> {
        const char* const end = text.data() + text.size();
        int value = 0;
        const auto [stopped, problem] = std::from_chars(text.data(), end, value);
        if (problem == std::errc::invalid_argument || stopped != end) return failure("is not a whole number");
        if (problem == std::errc() && value >= least && value <= most) return value;
        return failure(fmt::format("must be between {} and {}", least, most));
    };
    const Schema schema = number_matching("^-?[0-9]{1,9}$", least, most);
    const std::string kind = fmt::format("number from {} to {}", least, most);
    return {read, [](const int& value) { return std::to_string(value); }, schema, true, kind};
}

}  // namespace leasehold::config
