// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/messages.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "election/stores/json_fields.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::etcd {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

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
    Place& place = key_value.place;
    if (!value || !number_in(object, "mod_revision", place.mod_revision) ||
        !number_in(object, "create_revision", place.create_revision) || !number_in(object, "version", place.version)) {
        return false;
    }
    key_value.value = *value;
    return place.mod_revision != 0;
}

std::optional<Json> parse_object(const std::string& body, std::string& problem) {
    Json json = parse_server_json(body);
    if (json.is_object()) return json;
    problem = json.is_discarded() ? "it is not JSON" : "it is JSON, but not an object";
    return std::nullopt;
}

// `field` of the key is `number`: for "mod_revision" the target is "MOD".
Json is_equal(const std::string& key, const char* target, const char* field, std::uint64_t number) {
    return {{"key", encode_base64(key)}, {"target", target}, {"result", "EQUAL"}, {field, std::to_string(number)}};
}

// What is read otherwise is not of interest, but that it was read proves which way the transaction went.
Json put_if(const Json& comparisons, const std::string& key, const std::string& value) {
    return {{"compare", comparisons},
            {"success", {{{"request_put", {{"key", encode_base64(key)}, {"value", encode_base64(value)}}}}}},
            {"failure", {{{"request_range", {{"key", encode_base64(key)}}}}}}};
}

// The refusal in a stream, or of one. From 3.5 on a plain `error` is gone; up to 3.3 `code` is.
bool refusal_in(const Json& object, Refusal& refusal) {
    const Json& nested = member(object, "error");
    const Json& at = nested.is_object() ? nested : object;
    std::uint64_t code = 0;
    const char* const name = member(at, "code").is_null() ? "grpc_code" : "code";
    const bool good = number_in(at, name, code) && text_in(at, "message", refusal.message) && code != 0 && code <= 16;
    refusal.code = static_cast<int>(code);
    return good;
}

// A watch that is cancelled says why in a sentence only.
Refusal refusal_for(const std::string& sentence) {
    using Code = Refusal::Code;
    const auto says = [&](const char* what) { return sentence.find(what) != std::string::npos; };
    Code code = Code::unknown;
    if (says("permission denied")) code = Code::permission_denied;
    if (says("auth token") || says("Unauthenticated")) code = Code::unauthenticated;
    if (says("no leader")) code = Code::unavailable;
    return {static_cast<int>(code), sentence.empty() ? "cancelled" : sentence};
}

}  // namespace

std::string range_request(const std::string& key) { return text_of({{"key", encode_base64(key)}}); }

std::string status_request() { return "{}"; }

std::string create_request(const std::string& key, const std::string& value) {
    return text_of(put_if(Json::array({is_equal(key, "VERSION", "version", 0)}), key, value));
}

std::string update_request(const std::string& key, const std::string& value, const Place& expected) {
    return text_of(put_if(Json::array({is_equal(key, "MOD", "mod_revision", expected.mod_revision),
                                       is_equal(key, "CREATE", "create_revision", expected.create_revision),
                                       is_equal(key, "VERSION", "version", expected.version)}),
                          key, value));
}

std::string watch_request(const std::string& key, std::uint64_t start_revision) {
    const Json create = {
        {"key", encode_base64(key)}, {"progress_notify", true}, {"start_revision", std::to_string(start_revision)}};
    return text_of({{"create_request", create}});
}

std::string authenticate_request(const std::string& username, const std::string& password) {
    return text_of({{"name", username}, {"password", password}});
}

std::optional<Header> parse_header(const std::string& body, std::string& problem) {
    const auto json = parse_object(body, problem);
    Header header;
    if (json && header_in(*json, header)) return header;
    if (json) problem = "it does not say which cluster it is from";
    return std::nullopt;
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
    const Json& responses = member(*json, "responses");
    if (header_in(*json, answer.header) && answer.header.revision != 0 &&
        flag_in(*json, "succeeded", answer.succeeded) && responses.is_array() && responses.size() == 1 &&
        member(responses.front(), answer.succeeded ? "response_put" : "response_range").is_object()) {
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
    if (Refusal refusal; refusal_in(*json, refusal)) {
        message.refusal = refusal;
        return message;
    }
    const Json& result = member(*json, "result");
    const Json& events = member(result, "events");
    std::uint64_t compacted = 0;
    bool canceled = false;
    std::string why;
    bool good = header_in(result, message.header) && flag_in(result, "created", message.created) &&
                flag_in(result, "canceled", canceled) && text_in(result, "cancel_reason", why) &&
                number_in(result, "compact_revision", compacted) && (events.is_null() || events.is_array());
    message.compacted = compacted != 0;
    if (canceled) message.refusal = refusal_for(why);
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
    Refusal refusal;
    if (!json || !refusal_in(*json, refusal)) return std::nullopt;
    return refusal;
}

}  // namespace leasehold::stores::etcd
