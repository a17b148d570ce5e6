// SPDX-License-Identifier: Apache-2.0
#include "metrics/negotiation.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

namespace leasehold::metrics {
namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// The part up to the separator, trimmed; `rest` is moved behind it.
std::string_view next_part(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return trimmed(part);
}

bool same(std::string_view text, std::string_view lower) {
    return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

// "0.85" in thousandths. What is no quality is none.
int quality_of(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
    int thousandths = (text[0] - '0') * 1000;
    if (text.size() > 1 && text[1] != '.') return 0;
    int worth = 100;
    for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
        if (c < '0' || c > '9') return 0;
        thousandths += (c - '0') * worth;
        worth /= 10;
    }
    return std::min(thousandths, 1000);
}

struct Choice {
    std::string_view name;
    int quality = 1000;
};

Choice parse_choice(std::string_view text) {
    Choice choice;
    choice.name = next_part(text, ';');
    while (!text.empty()) {
        std::string_view parameter = next_part(text, ';');
        const std::string_view name = next_part(parameter, '=');
        if (same(name, "q")) choice.quality = quality_of(trimmed(parameter));
    }
    return choice;
}

void for_each_choice(std::string_view header, const std::function<void(const Choice&)>& visit) {
    while (!header.empty()) {
        const Choice choice = parse_choice(next_part(header, ','));
        if (!choice.name.empty()) visit(choice);
    }
}

// The most exact entry that covers a media type decides its quality.
struct Preference {
    int exactness = -1;
    int quality = 0;
};

Preference preference_for(std::string_view accept, std::string_view type) {
    const std::string family = std::string(type.substr(0, type.find('/'))) + "/*";
    Preference found;
    for_each_choice(accept, [&](const Choice& choice) {
        const int exactness = same(choice.name, type)     ? 2
                              : same(choice.name, family) ? 1
                              : choice.name == "*/*"      ? 0
                                                          : -1;
        if (exactness > found.exactness) found = {exactness, choice.quality};
    });
    return found;
}

}  // namespace

bool prefers_html(std::string_view accept) {
    const Preference html = preference_for(accept, "text/html");
    const Preference json = preference_for(accept, "application/json");
    if (html.exactness < 1 || html.quality == 0) return false;
    return html.quality > json.quality || (html.quality == json.quality && html.exactness > json.exactness);
}

bool accepts_gzip(std::string_view accept_encoding) {
    std::optional<int> gzip;
    std::optional<int> any;
    int identity = 0;
    for_each_choice(accept_encoding, [&](const Choice& choice) {
        if (same(choice.name, "gzip") || same(choice.name, "x-gzip")) gzip = choice.quality;
        if (choice.name == "*") any = choice.quality;
        if (same(choice.name, "identity")) identity = choice.quality;
    });
    const int quality = gzip.value_or(any.value_or(0));
    return quality > 0 && quality >= identity;
}

bool bears(std::string_view authorization, std::string_view token) {
    const std::size_t blank = authorization.find(' ');
    if (blank == std::string_view::npos || !same(authorization.substr(0, blank), "bearer")) return false;
    const std::string_view given = trimmed(authorization.substr(blank + 1));
    // Every byte that was given is looked at, whatever the others are; only the given one's length is told by the time.
    unsigned different = given.size() == token.size() ? 0U : 1U;
    for (std::size_t i = 0; i < given.size(); ++i) {
        different |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(token[i % token.size()]);
    }
    return different == 0;
}

}  // namespace leasehold::metrics
