// SPDX-License-Identifier: Apache-2.0
#include "election/stores/record_json.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "election/stores/rfc3339.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::Record;
using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kFormat = 1;  // the newest that is understood
constexpr int kDeepest = 16;
constexpr seconds kReleasedByClientGo{1};

// What a field of the text must be; the first thing that is not as it must be ends up in `problem`.
class Fields {
public:
    Fields(const Json& object, std::string prefix, std::string& problem)
        : object_(object), prefix_(std::move(prefix)), problem_(problem) {}

    std::string text(const char* key) {
        const Json* value = find(key);
        if (value == nullptr) return {};
        if (!value->is_string()) return complain(key, "is not a string"), std::string();
        const auto& string = value->get_ref<const std::string&>();
        const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
        if (std::any_of(string.begin(), string.end(), is_control)) return complain(key, "has control characters"), "";
        return string;
    }

    bool flag(const char* key) {
        const Json* value = find(key);
        if (value == nullptr) return false;
        if (!value->is_boolean()) return complain(key, "is not true or false"), false;
        return value->get<bool>();
    }

    // A whole number from `least` to `most`.
    std::uint64_t number(const char* key, std::uint64_t least, std::uint64_t most) {
        const Json* value = find(key);
        if (value == nullptr) return 0;
        if (!value->is_number_integer()) return complain(key, "is not a whole number"), 0;
        // nlohmann keeps what is not negative as unsigned, whatever its size.
        const bool fits =
            value->is_number_unsigned() && value->get<std::uint64_t>() >= least && value->get<std::uint64_t>() <= most;
        if (!fits) return complain(key, fmt::format("is not between {} and {}", least, most)), 0;
        return value->get<std::uint64_t>();
    }

    Duration span(const char* key, Duration unit) {
        const auto most = static_cast<std::uint64_t>(kLongestLease / unit);
        return static_cast<std::int64_t>(number(key, 1, most)) * unit;
    }

private:
    const Json* find(const char* key) {
        const auto found = object_.find(key);
        if (found != object_.end()) return &*found;
        complain(key, "is missing");
        return nullptr;
    }
    void complain(const char* key, const std::string& what) {
        if (problem_.empty()) problem_ = "its " + prefix_ + key + " " + what;
    }

    const Json& object_;
    std::string prefix_;
    std::string& problem_;
};

// Parses, and refuses what a careless edit or somebody else's data may bring along: depth, the same key twice.
std::optional<Json> parse(std::string_view text, std::string& problem) {
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

std::int64_t time_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) return 0;
    return parse_rfc3339(found->get_ref<const std::string&>()).value_or(0);
}

// Both durations of a record that bears ours. Belonging together, the exact one counts; otherwise the longer one.
Duration agreed(Duration whole, Duration exact) {
    return std::chrono::ceil<seconds>(exact) == whole ? exact : std::max(whole, exact);
}

void decode_ours(const Json& object, DecodedRecord& into) {
    Fields ours(object, "leasehold.", into.problem);
    const auto generation = object.find("generation");
    if (generation != object.end()) into.generation = ours.number("generation", 1, kHighestGeneration);
    const std::uint64_t format = ours.number("format", 1, INT32_MAX);
    if (format > kFormat && into.problem.empty()) {
        into.problem = fmt::format("it was written by a newer leasehold (format {}, this one understands up to {})",
                                   format, kFormat);
    }
    into.record.format = static_cast<int>(format);
    into.record.incarnation = ours.text("incarnation");
    into.record.write_id = ours.text("writeId");
    into.record.released = ours.flag("released");
    into.record.lease_duration = agreed(into.record.lease_duration, ours.span("leaseDurationMs", milliseconds(1)));
}

void decode_object(const Json& object, DecodedRecord& into) {
    Record& record = into.record;
    Fields fields(object, "", into.problem);
    record.holder = fields.text("holderIdentity");
    record.lease_duration = fields.span("leaseDurationSeconds", seconds(1));
    record.transitions = fields.number("leaderTransitions", 0, kHighestGeneration);
    record.acquire_time_us = time_of(object, "acquireTime");
    record.renew_time_us = time_of(object, "renewTime");

    const auto ours = object.find("leasehold");
    if (ours == object.end()) {
        record.released = record.holder.empty() && record.lease_duration == kReleasedByClientGo;
    } else if (ours->is_object()) {
        decode_ours(*ours, into);
    } else if (into.problem.empty()) {
        into.problem = "its leasehold is not an object";
    }
}

nlohmann::ordered_json time_or_null(std::int64_t unix_us) {
    const auto text = unix_us == 0 ? std::nullopt : format_rfc3339(unix_us);
    return text ? nlohmann::ordered_json(*text) : nlohmann::ordered_json(nullptr);
}

}  // namespace

std::string encode_record(const Record& record, JsonLayout layout, std::uint64_t generation) {
    nlohmann::ordered_json ours;
    ours["format"] = record.format;
    ours["incarnation"] = record.incarnation;
    ours["writeId"] = record.write_id;
    ours["released"] = record.released;
    ours["leaseDurationMs"] = std::chrono::ceil<milliseconds>(record.lease_duration).count();
    if (generation != 0) ours["generation"] = generation;

    nlohmann::ordered_json whole;
    whole["holderIdentity"] = record.holder;
    whole["leaseDurationSeconds"] = std::chrono::ceil<seconds>(record.lease_duration).count();
    whole["acquireTime"] = time_or_null(record.acquire_time_us);
    whole["renewTime"] = time_or_null(record.renew_time_us);
    whole["leaderTransitions"] = record.transitions;
    whole["leasehold"] = std::move(ours);
    const int indent = layout == JsonLayout::indented ? 2 : -1;
    return whole.dump(indent, ' ', false, Json::error_handler_t::replace) + (indent < 0 ? "" : "\n");
}

DecodedRecord decode_record(std::string_view text) {
    DecodedRecord decoded;
    if (text.empty()) {
        decoded.presence = Presence::vacated;
        return decoded;
    }
    if (text.size() > kRecordTextLimit) {
        decoded.problem = fmt::format("it is larger than {} KiB", kRecordTextLimit / 1024);
        return decoded;
    }
    const std::optional<Json> document = parse(text, decoded.problem);
    if (!document) return decoded;
    if (!document->is_object()) {
        decoded.problem = "it is JSON, but not an object";
        return decoded;
    }
    decode_object(*document, decoded);
    if (!decoded.problem.empty()) {
        decoded.record = Record();
        return decoded;
    }
    const bool vacated = decoded.record.holder.empty() && !decoded.record.released;
    decoded.presence = vacated ? Presence::vacated : Presence::present;
    return decoded;
}

Record make_released_record(Duration lease_duration, std::int64_t now_us) {
    Record record;
    record.lease_duration = lease_duration;
    record.renew_time_us = now_us;
    record.released = true;
    return record;
}

}  // namespace leasehold::stores
