// SPDX-License-Identifier: Apache-2.0
//
// Masks, limits, sizes, and what is inherited.
#include <charconv>
#include <cstdint>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include "base/whole_number.h"
#include "config/forms.h"
#include "config/limit_names.h"

namespace leasehold::config {
namespace {

constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

struct Limit {
    const char* name;
    int resource;
};

constexpr Limit kLimits[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK}};

std::optional<std::uint64_t> amount_in(std::string_view text) {
    if (text == "unlimited") return kUnlimited;
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc()) return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    unsigned int shift = 0;
    if (unit == "K") shift = 10;
    if (unit == "M") shift = 20;
    if (unit == "G") shift = 30;
    if ((shift == 0 && !unit.empty()) || number >= (kUnlimited >> shift)) return std::nullopt;
    return number << shift;
}

std::string amount(std::uint64_t number) { return number == kUnlimited ? "unlimited" : std::to_string(number); }

}  // namespace

std::optional<int> limit_named(const std::string& name) {
    for (const Limit& limit : kLimits) {
        if (name == limit.name) return limit.resource;
    }
    return std::nullopt;
}

std::vector<std::string> limit_names() {
    std::vector<std::string> names;
    for (const Limit& limit : kLimits) names.emplace_back(limit.name);
    return names;
}

Form<std::string> limit_name_form() {
    const auto read = [](const std::string& text) -> Result<std::string> {
        if (limit_named(text)) return text;
        return failure(fmt::format("is no limit; known here: {}", fmt::join(limit_names(), ", ")));
    };
    return {read, [](const std::string& name) { return name; },
            []() -> Json {
                return {{"enum", limit_names()}};
            },
            true, "name"};
}

Form<supervisor::LimitRange> limit_form() {
    const auto read = [](const std::string& text) -> Result<supervisor::LimitRange> {
        const std::size_t colon = text.find(':');
        const auto soft = amount_in(std::string_view(text).substr(0, colon));
        const auto hard = colon == std::string::npos ? soft : amount_in(std::string_view(text).substr(colon + 1));
        if (!soft || !hard) return failure("is no limit; write 1024, 64K, unlimited, or SOFT:HARD");
        if (*soft > *hard) return failure("has a soft limit above the hard one");
        return supervisor::LimitRange{*soft, *hard};
    };
    const auto write = [](const supervisor::LimitRange& range) {
        return range.soft == range.hard ? amount(range.soft) : amount(range.soft) + ':' + amount(range.hard);
    };
    const char* const pattern = "^([0-9]+[KMG]?|unlimited)(:([0-9]+[KMG]?|unlimited))?$";
    return {read, write, number_matching(pattern, 0), false, "limit"};
}

Form<int> size_form(int least, int most) {
    const auto write = [](const int& size) {
        if (size % (1 << 20) == 0) return std::to_string(size >> 20) + 'M';
        if (size % (1 << 10) == 0) return std::to_string(size >> 10) + 'K';
        return std::to_string(size);
    };
    const auto read = [least, most, write](const std::string& text) -> Result<int> {
        const auto size = amount_in(text);
        if (!size) return failure("is no size; write one like 64K or 1M");
        if (*size < static_cast<std::uint64_t>(least) || *size > static_cast<std::uint64_t>(most)) {
            return failure("must be between " + write(least) + " and " + write(most));
        }
        return static_cast<int>(*size);
    };
    return {read, write, number_matching("^[0-9]+[KMG]?$", least)};
}

Form<std::optional<int>> umask_form() {
    const auto read = [](const std::string& text) -> Result<std::optional<int>> {
        if (text == "inherit") return std::nullopt;
        const auto mask = whole_number<int>(text, 8);
        const bool right = mask && text.size() >= 3 && *mask >= 0 && *mask <= 0777;
        if (!right) return failure("is no umask; write three octal digits, like \"022\"");
        return mask;
    };
    const auto write = [](const std::optional<int>& mask) -> std::string {
        return mask ? fmt::format("{:03o}", *mask) : "inherit";
    };
    return {read, write, text_matching("^(inherit|0*[0-7]{3})$"), false, "octal|inherit"};
}

Form<std::optional<int>> inheritable_form(int least, int most) {
    const Form<int> number = integer_form(least, most);
    const auto read = [number](const std::string& text) -> Result<std::optional<int>> {
        if (text == "inherit") return std::nullopt;
        return number.read(text).map([](int value) { return std::optional<int>(value); });
    };
    const auto write = [number](const std::optional<int>& value) {
        return value ? number.write(*value) : std::string("inherit");
    };
    const Schema schema = [of_number = number.schema]() -> Json {
        return {{"anyOf", {{{"const", "inherit"}}, of_number()}}};
    };
    return {read, write, schema, true, number.kind + "|inherit"};
}

}  // namespace leasehold::config
