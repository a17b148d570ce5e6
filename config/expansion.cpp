// SPDX-License-Identifier: Apache-2.0
#include "config/expansion.h"

#include <fmt/core.h>

#include "config/text.h"

namespace leasehold::config {
namespace {

constexpr std::string_view kNameCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

bool is_name(std::string_view name) {
    return !name.empty() && name.find_first_not_of(kNameCharacters) == std::string_view::npos &&
           !(name.front() >= '0' && name.front() <= '9');
}

Result<std::string> expand_default(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '$' && !text.substr(++i).starts_with('$')) {
            return failure("has a '$' in the default of a variable, which is not expanded; write $$ for a dollar");
        }
        out += text[i];
    }
    return out;
}

// What stands between the braces: NAME or NAME:-default. Errors quote names but no text, which may be a secret.
Result<std::string> value_of(std::string_view reference, const Environment& environment) {
    const std::size_t name_end = reference.find_first_not_of(kNameCharacters);
    const std::string name(reference.substr(0, name_end));
    const std::string_view rest = reference.substr(name.size());
    if (!is_name(name) || !(rest.empty() || rest.starts_with(":-"))) {
        return failure("has a '${' that begins neither ${NAME} nor ${NAME:-default}; write $$ for a dollar");
    }
    const auto value = environment ? environment(name) : std::nullopt;
    if (!rest.empty() && (!value || value->empty())) return expand_default(rest.substr(2));
    if (!value) {
        return failure(
            fmt::format("needs the environment variable {0}, which is not set; set it, or write "
                        "${{{0}:-default}}",
                        name));
    }
    if (first_malformed(*value)) {
        return failure(fmt::format("needs the environment variable {}, whose value is not UTF-8", name));
    }
    return *value;
}

}  // namespace

Result<std::string> expand(std::string_view text, const Environment& environment) {
    std::string out;
    while (true) {
        const std::size_t dollar = text.find('$');
        out += text.substr(0, dollar);
        if (dollar == std::string_view::npos) return out;
        text.remove_prefix(dollar + 1);
        if (text.starts_with('$')) {
            out += '$';
            text.remove_prefix(1);
            continue;
        }
        if (!text.starts_with('{')) return failure("has a '$' that begins no ${NAME}; write $$ for a dollar");
        const std::size_t end = text.find('}');
        if (end == std::string_view::npos) {
            return failure("has a '${' without its '}'; write ${NAME}, or $$ for a dollar");
        }
        auto value = value_of(text.substr(1, end - 1), environment);
        if (!value) return value;
        out += *value;
        text.remove_prefix(end + 1);
    }
}

std::string doubled_dollars(std::string_view text) {
    std::string out;
    for (const char c : text) out.append(c == '$' ? 2 : 1, c);
    return out;
}

}  // namespace leasehold::config
