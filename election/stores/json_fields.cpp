// SPDX-License-Identifier: Apache-2.0
#include "election/stores/json_fields.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace leasehold::stores {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 16;
constexpr int kDeepestOfServers = 256;

// Brackets within brackets, outside of texts. Of what is not JSON it is some number.
int depth_of(std::string_view text) {
    int depth = 0;
    int deepest = 0;
    bool in_text = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_text && c == '\\') {
            ++i;
        } else if (c == '"') {
            in_text = !in_text;
        } else if (!in_text && (c == '[' || c == '{')) {
            deepest = std::max(deepest, ++depth);
        } else if (!in_text && (c == ']' || c == '}')) {
            --depth;
        }
    }
    return deepest;
}

// Of well-formed UTF-8; those from U+0080 on, too, which a terminal may obey.
bool has_control(std::string_view text) {
    const auto is_first = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    const auto is_second = [](char lead, char c) { return lead == '\xc2' && static_cast<unsigned char>(c) < 0xa0; };
    return std::any_of(text.begin(), text.end(), is_first) ||
           std::adjacent_find(text.begin(), text.end(), is_second) != text.end();
}

}  // namespace

std::optional<Json> parse_json(std::string_view text, std::string& problem) {
    std::vector<std::set<std::string>> keys;
    const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
        if (depth > kDeepest) {
            problem = "it is nested too deeply";
            return false;
        }
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
        if (event == Json::parse_event_t::key && !keys.empty()) {
            const std::string key = parsed.get<std::string>();
            if (!keys.back().insert(key).second && problem.empty()) problem = "a key stands in it twice";
        }
        return true;
    };
    Json document = Json::parse(text.begin(), text.end(), check, /*allow_exceptions=*/false);
    if (document.is_discarded() && problem.empty()) problem = "it is not JSON in UTF-8";
    if (!problem.empty()) return std::nullopt;
    return document;
}

Json parse_server_json(std::string_view text) {
    if (depth_of(text) > kDeepestOfServers) return Json(Json::value_t::discarded);
    return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

const Json& member(const Json& object, const char* key) {
    static const Json none;
    if (!object.is_object()) return none;
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

bool text_in(const Json& object, const char* key, std::string& text) {
    const Json& value = member(object, key);
    text = value.is_string() ? value.get<std::string>() : std::string();
    return value.is_null() || value.is_string();
}

JsonFields::JsonFields(const Json& object, std::string prefix, std::string& problem)
    : object_(object), prefix_(std::move(prefix)), problem_(problem) {}

bool JsonFields::has(const char* key) const {
    const auto found = object_.find(key);
    return found != object_.end() && !found->is_null();
}

std::string JsonFields::text(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string()) return complain(key, "is not a string"), std::string();
    const auto& string = value->get_ref<const std::string&>();
    if (has_control(string)) return complain(key, "has control characters"), "";
    return string;
}

bool JsonFields::flag(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) return complain(key, "is not true or false"), false;
    return value->get<bool>();
}

std::uint64_t JsonFields::number(const char* key, std::uint64_t least, std::uint64_t most) {
    const Json* value = find(key);
    if (value == nullptr) return 0;
    if (!value->is_number_integer()) return complain(key, "is not a whole number"), 0;
    // nlohmann's parser keeps what is not negative as unsigned, whatever its size; values set in code may be signed.
    const bool negative = !value->is_number_unsigned() && value->get<std::int64_t>() < 0;
    const auto got = negative ? 0 : value->get<std::uint64_t>();
    if (negative || got < least || got > most) {
        return complain(key, fmt::format("is not between {} and {}", least, most)), 0;
    }
    return got;
}

Duration JsonFields::span(const char* key, Duration unit) {
    const auto most = static_cast<std::uint64_t>(kLongestLease / unit);
    return static_cast<std::int64_t>(number(key, 1, most)) * unit;
}

void JsonFields::complain(const char* key, const std::string& what) {
    if (problem_.empty()) problem_ = "its " + prefix_ + key + " " + what;
}

const Json* JsonFields::find(const char* key) {
    const auto found = object_.find(key);
    if (found != object_.end()) return &*found;
    complain(key, "is missing");
    return nullptr;
}

}  // namespace leasehold::stores
