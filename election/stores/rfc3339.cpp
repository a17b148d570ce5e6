// SPDX-License-Identifier: Apache-2.0
#include "election/stores/rfc3339.h"

#include <chrono>

#include <fmt/core.h>

namespace leasehold::stores {
namespace {

using std::chrono::days;
using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::sys_time;

// Takes text apart from the front; every step says whether it fitted.
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool number(std::size_t digits, int& value) {
        if (rest_.size() < digits) return false;
        value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (!is_digit(rest_[i])) return false;
            value = value * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(digits);
        return true;
    }

    // One of the characters in `wanted`.
    bool one_of(std::string_view wanted, char& found) {
        if (rest_.empty() || wanted.find(rest_.front()) == std::string_view::npos) return false;
        found = rest_.front();
        rest_.remove_prefix(1);
        return true;
    }
    bool one_of(std::string_view wanted) {
        char ignored = 0;
        return one_of(wanted, ignored);
    }

    bool micros(int& value) {
        value = 0;
        int digits = 0;
        for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1), ++digits) {
            if (digits < 6) value = value * 10 + (rest_.front() - '0');
        }
        for (int i = digits; i < 6; ++i) value *= 10;
        return digits > 0;
    }

    bool at_end() const { return rest_.empty(); }

private:
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }
    std::string_view rest_;
};

}  // namespace

std::optional<std::string> format_rfc3339(std::int64_t unix_us) {
    const sys_time<microseconds> time{microseconds(unix_us)};
    const auto day = std::chrono::floor<days>(time);
    const std::chrono::year_month_day date(day);
    if (date.year() < std::chrono::year(0) || date.year() > std::chrono::year(9999)) return std::nullopt;
    const std::chrono::hh_mm_ss<microseconds> clock(time - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::optional<std::string> format_rfc3339_seconds(std::int64_t unix_us) {
    auto text = format_rfc3339(unix_us);
    if (text) {
        text->resize(text->find('.'));
        text->push_back('Z');
    }
    return text;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
    Scanner in(text);
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0;
    if (!in.number(4, year) || !in.one_of("-") || !in.number(2, month) || !in.one_of("-") || !in.number(2, day) ||
        !in.one_of("Tt ") || !in.number(2, hour) || !in.one_of(":") || !in.number(2, minute) || !in.one_of(":") ||
        !in.number(2, second)) {
        return std::nullopt;
    }
    if (in.one_of(".") && !in.micros(micros)) return std::nullopt;
    char zone = 0;
    int offset_hours = 0, offset_minutes = 0;
    if (!in.one_of("Zz+-", zone)) return std::nullopt;
    const bool offset = zone == '+' || zone == '-';
    if (offset && (!in.number(2, offset_hours) || !in.one_of(":") || !in.number(2, offset_minutes))) return {};
    if (!in.at_end()) return std::nullopt;

    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60 || offset_hours > 23 || offset_minutes > 59) return {};
    microseconds since_epoch = sys_days(date).time_since_epoch();
    since_epoch += std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
    since_epoch += microseconds(micros);
    const auto shift = std::chrono::hours(offset_hours) + std::chrono::minutes(offset_minutes);
    since_epoch += zone == '-' ? microseconds(shift) : -microseconds(shift);
    return since_epoch.count();
}

}  // namespace leasehold::stores
