// SPDX-License-Identifier: Apache-2.0
#include "election/stores/consul/messages.h"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/whole_number.h"
#include "election/stores/json_fields.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::consul {
namespace {

using Json = nlohmann::json;

const std::string* header(const Headers& headers, const char* name) {
    const auto found = headers.find(name);
    return found == headers.end() ? nullptr : &found->second;
}

// The ModifyIndex of an object that is about this key; 0: it is not, or has none.
std::uint64_t index_in(const Json& object, const std::string& key) {
    const Json& name = member(object, "Key");
    const Json& index = member(object, "ModifyIndex");
    if (!name.is_string() || name.get_ref<const std::string&>() != key || !index.is_number_unsigned()) return 0;
    return index.get<std::uint64_t>();
}

}  // namespace

std::string escape(const std::string& text) {
    static constexpr std::string_view kPlain = "-._~/";
    std::string escaped;
    for (const char c : text) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || kPlain.find(c) != std::string_view::npos) {
            escaped += c;
        } else {
            escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return escaped;
}

std::string kv_target(const std::string& key) { return "/v1/kv/" + escape(key) + "?consistent"; }

std::string waiting_kv_target(const std::string& key, std::uint64_t index, std::uint64_t seconds) {
    return fmt::format("{}&index={}&wait={}s", kv_target(key), index, seconds);
}

std::string cas_request(const std::string& key, const std::string& value, std::uint64_t modify_index) {
    const Json set = {{"Verb", "cas"}, {"Key", key}, {"Value", encode_base64(value)}, {"Index", modify_index}};
    return Json::array({{{"KV", set}}}).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Position> position_of(const Headers& headers) {
    const std::string* const text = header(headers, "x-consul-index");
    const auto index = text != nullptr ? whole_number<std::uint64_t>(*text) : std::nullopt;
    if (!index) return std::nullopt;
    const std::string* const leader = header(headers, "x-consul-knownleader");
    const std::string* const contact = header(headers, "x-consul-lastcontact");
    const bool consistent = leader != nullptr && *leader == "true" && contact != nullptr && *contact == "0";
    return Position{*index, consistent};
}

std::optional<Entry> parse_entry(const std::string& body, const std::string& key, std::string& problem) {
    const auto json = parse_json(body, problem);
    if (!json) return std::nullopt;
    Entry entry;
    std::string encoded;
    problem = "it is no answer about this key";
    if (!json->is_array() || json->size() != 1) return std::nullopt;
    const Json& found = json->front();
    entry.modify_index = index_in(found, key);
    if (entry.modify_index == 0 || !text_in(found, "Session", entry.session)) return std::nullopt;
    const bool is_text = text_in(found, "Value", encoded);
    auto value = decode_base64(encoded);
    if (!is_text || !value) {
        problem = "the key's value in it is damaged";
        return std::nullopt;
    }
    entry.value = std::move(*value);
    problem.clear();
    return entry;
}

std::optional<std::uint64_t> parse_applied(const std::string& body, const std::string& key, std::string& problem) {
    const auto json = parse_json(body, problem);
    if (!json) return std::nullopt;
    const Json& results = member(*json, "Results");
    const Json& errors = member(*json, "Errors");
    if (results.is_array() && results.size() == 1 && (errors.is_null() || (errors.is_array() && errors.empty()))) {
        const std::uint64_t index = index_in(member(results.front(), "KV"), key);
        if (index != 0) return index;
    }
    problem = "it is no answer to this transaction";
    return std::nullopt;
}

std::vector<std::string> parse_txn_errors(const std::string& body) {
    std::string problem;
    const auto json = parse_json(body, problem);
    const Json& errors = json ? member(*json, "Errors") : Json();
    const Json& results = json ? member(*json, "Results") : Json();
    const bool no_results = results.is_null() || (results.is_array() && results.empty());
    if (!errors.is_array() || !no_results) return {};
    std::vector<std::string> all;
    for (const Json& error : errors) {
        std::string what;
        if (!text_in(error, "What", what) || what.empty()) return {};
        all.push_back(std::move(what));
    }
    return all;
}

bool comparison_failed(const std::vector<std::string>& errors) {
    return !errors.empty() && std::all_of(errors.begin(), errors.end(), [](const std::string& what) {
        return what.starts_with("failed to set key ") && what.ends_with(", index is stale");
    });
}

}  // namespace leasehold::stores::consul
