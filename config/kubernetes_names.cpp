// SPDX-License-Identifier: Apache-2.0
#include "config/kubernetes_names.h"

#include <fmt/core.h>

#include "config/forms.h"
#include "config/text.h"

namespace leasehold::config {
namespace {

constexpr std::size_t kLongestSubdomain = 253;
constexpr std::size_t kLongestLabel = 63;

bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_any(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

// A part that begins and ends with a letter or a digit, with others of `between` inside.
bool is_part(std::string_view text, bool (*letter)(char), std::string_view between) {
    if (text.empty() || !letter(text.front()) || !letter(text.back())) return false;
    for (const char c : text) {
        if (!letter(c) && between.find(c) == std::string_view::npos) return false;
    }
    return true;
}

std::string too_long(std::size_t limit) { return fmt::format("is longer than {} characters", limit); }

Form<std::string> form(std::string (*problem)(const std::string&)) {
    const auto read = [problem](const std::string& text) -> Result<std::string> {
        if (text.empty()) return text;
        if (std::string found = problem(text); !found.empty()) return failure(std::move(found));
        return text;
    };
    return {read, [](const std::string& value) { return value; },
            []() -> Json {
                return {{"type", {"string", "number"}}};
            },
            false};
}

}  // namespace

std::string problem_of_object_name(const std::string& text) {
    if (text.size() > kLongestSubdomain) return too_long(kLongestSubdomain);
    std::string_view rest = text;
    while (true) {
        const std::size_t dot = rest.find('.');
        if (!is_part(rest.substr(0, dot), is_lower, "-")) {
            return "is no name for an object in Kubernetes: parts of a-z, 0-9 and '-', joined by '.', each with a "
                   "letter or a digit at both ends";
        }
        if (dot == std::string_view::npos) return "";
        rest.remove_prefix(dot + 1);
    }
}

std::string problem_of_namespace_name(const std::string& text) {
    if (text.size() > kLongestLabel) return too_long(kLongestLabel);
    if (is_part(text, is_lower, "-")) return "";
    return "is no name for a namespace: a-z, 0-9 and '-', with a letter or a digit at both ends";
}

std::string problem_of_label_key(const std::string& text) {
    const std::size_t slash = text.find('/');
    const std::string name = slash == std::string::npos ? text : text.substr(slash + 1);
    if (slash != std::string::npos && !problem_of_object_name(text.substr(0, slash)).empty()) {
        return "is no key of a label: what stands before '/' must be a DNS name in lower case";
    }
    if (name.size() > kLongestLabel) return too_long(kLongestLabel);
    if (is_part(name, is_any, "-_.")) return "";
    return "is no key of a label: letters, digits, '-', '_' and '.', with a letter or a digit at both ends";
}

Form<std::string> kubernetes_name_form() { return form(problem_of_object_name); }

Form<std::string> kubernetes_namespace_form() { return form(problem_of_namespace_name); }

Form<std::string> kubernetes_label_form() {
    Form<std::string> label = form(problem_of_label_key);
    label.read = [read = label.read](const std::string& text) { return read(text == "none" ? "" : text); };
    label.write = [](const std::string& value) { return value.empty() ? "none" : value; };
    return label;
}

// The API version may hold a slash itself, so the parts count from the end.
Form<std::string> kubernetes_owner_form() {
    return form([](const std::string& text) -> std::string {
        std::size_t slashes = 0;
        bool gap = text.front() == '/' || text.back() == '/' || has_control_character(text);
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '/') continue;
            ++slashes;
            gap = gap || text.substr(i + 1, 1) == "/";
        }
        const bool valid = !gap && (slashes == 3 || slashes == 4);
        return valid ? "" : "is not APIVERSION/KIND/NAME/UID; write it like apps/v1/Deployment/billing/<its uid>";
    });
}

}  // namespace leasehold::config
