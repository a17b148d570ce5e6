// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <string_view>

#include <fmt/core.h>

#include "base/duration_text.h"
#include "base/whole_number.h"
#include "election/stores/kubernetes/refusal.h"

namespace leasehold::stores::kubernetes {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kTolerated = 60;
constexpr std::int64_t kMostToTell = 3600LL * 24 * 366 * 100;  // the rest would not fit a Duration

std::optional<int> number(std::string_view text) {
    return text.starts_with('-') ? std::nullopt : whole_number<int>(text);
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the only form that may be sent (RFC 9110, 5.6.7), as Unix time.
std::optional<std::int64_t> parse_http_date(std::string_view text) {
    constexpr std::string_view kForm = "Sun, 06 Nov 1994 08:49:37 GMT";
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.size() != kForm.size() || text.substr(25) != kForm.substr(25)) return std::nullopt;
    for (const std::size_t at : {3U, 4U, 7U, 11U, 16U, 19U, 22U}) {
        if (text[at] != kForm[at]) return std::nullopt;
    }
    const std::size_t month = kMonths.find(text.substr(8, 3));
    const auto day = number(text.substr(5, 2)), year = number(text.substr(12, 4)), hour = number(text.substr(17, 2)),
               minute = number(text.substr(20, 2)), second = number(text.substr(23, 2));
    if (month == std::string_view::npos || month % 3 != 0 || !day || !year || !hour || !minute || !second) return {};
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    const seconds time = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour) +
                         std::chrono::minutes(*minute) + seconds(*second);
    return time.count();
}

}  // namespace

std::optional<std::string> clock_difference(const http::Answer& answer, std::int64_t now_unix_seconds) {
    const auto found = answer.headers.find("date");
    const auto theirs = found == answer.headers.end() ? std::nullopt : parse_http_date(found->second);
    if (!theirs) return std::nullopt;
    const std::int64_t ahead = *theirs - now_unix_seconds;
    const std::int64_t apart = ahead < 0 ? -ahead : ahead;
    if (apart <= kTolerated) return std::nullopt;
    return fmt::format(
        "the server's clock is {} {} this machine's: certificates and tokens may count as expired or "
        "not yet valid; set the clock that is wrong (NTP)",
        to_text(seconds(std::min(apart, kMostToTell))), ahead < 0 ? "behind" : "ahead of");
}

}  // namespace leasehold::stores::kubernetes
