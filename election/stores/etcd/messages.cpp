// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/messages.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "election/stores/secret_text.h"

namespace leasehold::stores::etcd {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// A member of an object; null when there is none.
const Json& member(const Json& object, const char* key) {
    static const Json none;
    if (!object.is_object()) return none;
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

// The gateway writes 64-bit numbers as strings, and leaves out zero.
bool number_in(const Json& object, const char* key, std::uint64_t& number) {
    const Json& value = member(object, key);
    number = 0;
    if (value.is_null()) return true;
    if (value.is_number_unsigned()) {
        number = value.get<std::uint64_t>();
        return true;
    }
    if (!value.is_string()) return false;
    const auto& text = value.get_ref<const std::string&>();
    const char* const end = text.data() + text.size();
    const auto [next, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && next == end;
}

bool flag_in(const Json& object, const char* key, bool& flag) {
    const Json& value = member(object, key);
    flag = value.is_boolean() && value.get<bool>();
    return value.is_null() || value.is_boolean();
}

bool text_in(const Json& object, const char* key, std::string& text) {
    const Json& value = member(object, key);
    text = value.is_string() ? value.get<std::string>() : std::string();
    return value.is_null() || value.is_string();
}

bool header_in(const Json& object, Header& header) {
    const Json& found = member(object, "header");
    if (!found.is_object()) return false;
    const Json& cluster = member(found, "cluster_id");
    if (!cluster.is_string() && !cluster.is_number_unsigned()) return false;
    header.cluster_id = cluster.is_string() ? cluster.get<std::string>() : cluster.dump();
    return number_in(found, "revision", header.revision);
}

bool key_value_in(const Json& object, KeyValue& key_value) {
    std::string encoded;
    if (!object.is_object() || !text_in(object, "value", encoded)) return false;
    const auto value = decode_base64(encoded);
    if (!value || !number_in(object, "mod_revision", key_value.mod_revision)) return false;
    key_value.value = *value;
    return key_value.mod_revision != 0;
}

std::optional<Json> parse_object(const std::string& body, std::string& problem) {
    Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) return json;
    problem = json.is_discarded() ? "it is not JSON" : "it is JSON, but not an object";
    return std::nullopt;
}

Json put_if(const Json& comparison, const std::string& key, const std::string& value) {
    return {{"compare", {comparison}},
            {"success", {{{"request_put", {{"key", encode_base64(key)}, {"value", encode_base64(value)}}}}}}};
}

}  // namespace

std::string range_request(const std::string& key) { return text_of({{"key", encode_base64(key)}}); }

std::string create_request(const std::string& key, const std::string& value) {
    const Json absent = {{"key", encode_base64(key)}, {"target", "VERSION"}, {"result", "EQUAL"}, {"version", "0"}};
    return text_of(put_if(absent, key, value));
}

std::string update_request(const std::string& key, const std::string& value, std::uint64_t mod_revision) {
    const Json same = {{"key", encode_base64(key)},
                       {"target", "MOD"},
                       {"result", "EQUAL"},
                       {"mod_revision", std::to_string(mod_revision)}};
    return text_of(put_if(same, key, value));
}

std::string watch_request(const std::string& key, std::uint64_t start_revision) {
    const Json create = {
        {"key", encode_base64(key)}, {"progress_notify", true}, {"start_revision", std::to_string(start_revision)}};
    return text_of({{"create_request", create}});
}

std::string authenticate_request(const std::string& username, const std::string& password) {
    return text_of({{"name", username}, {"password", password}});
}

std::optional<RangeAnswer> parse_range(const std::string& body, std::string& problem) {
    const auto json = parse_object(body, problem);
    if (!json) return std::nullopt;
    RangeAnswer answer;
    const Json& kvs = member(*json, "kvs");
    if (!header_in(*json, answer.header) || (!kvs.is_null() && !kvs.is_array()) || kvs.size() > 1) {
        problem = "it is no answer to a range request";
        return std::nullopt;
    }
    if (kvs.size() == 1 && !key_value_in(kvs.front(), answer.found.emplace())) {
        problem = "the key's value or revision in it is damaged";
        return std::nullopt;
    }
    return answer;
}

std::optional<TxnAnswer> parse_txn(const std::string& body, std::string& problem) {
    const auto json = parse_object(body, problem);
    if (!json) return std::nullopt;
    TxnAnswer answer;
    if (header_in(*json, answer.header) && flag_in(*json, "succeeded", answer.succeeded) &&
        (!answer.succeeded || answer.header.revision != 0)) {
        return answer;
    }
    problem = "it is no answer to a transaction";
    return std::nullopt;
}

std::optional<std::string> parse_token(const std::string& body, std::string& problem) {
    const auto json = parse_object(body, problem);
    if (!json) return std::nullopt;
    std::string token;
    if (text_in(*json, "token", token) && !token.empty()) return token;
    problem = "there is no token in it";
    return std::nullopt;
}

std::optional<WatchMessage> parse_watch(const std::string& line, std::string& problem) {
    const auto json = parse_object(line, problem);
    if (!json) return std::nullopt;
    WatchMessage message;
    if (const Json& error = member(*json, "error"); error.is_object()) {
        message.canceled = true;
        text_in(error, "message", message.problem);
        return message;
    }
    const Json& result = member(*json, "result");
    const Json& events = member(result, "events");
    std::uint64_t compacted = 0;
    bool good = header_in(result, message.header) && flag_in(result, "created", message.created) &&
                flag_in(result, "canceled", message.canceled) && text_in(result, "cancel_reason", message.problem) &&
                number_in(result, "compact_revision", compacted) && (events.is_null() || events.is_array());
    message.compacted = compacted != 0;
    for (auto event = events.begin(); good && events.is_array() && event != events.end(); ++event) {
        WatchMessage::Change change;
        std::string type;
        good = text_in(*event, "type", type) && key_value_in(member(*event, "kv"), change.now);
        change.deleted = type == "DELETE";
        message.changes.push_back(std::move(change));
    }
    if (good) return message;
    problem = "it is no message of a watch";
    return std::nullopt;
}

std::optional<Refusal> parse_refusal(const std::string& body) {
    std::string problem;
    const auto json = parse_object(body, problem);
    if (!json) return std::nullopt;
    Refusal refusal;
    std::uint64_t code = 0;
    // From 3.5 on `error` is gone; up to 3.3 `code` is.
    const bool good = number_in(*json, "code", code) && text_in(*json, "message", refusal.message);
    if (!good || code == 0 || code > 16) return std::nullopt;
    refusal.code = static_cast<int>(code);
    return refusal;
}

}  // namespace leasehold::stores::etcd
