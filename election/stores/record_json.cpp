// SPDX-License-Identifier: Apache-2.0
#include "election/stores/record_json.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "election/stores/json_fields.h"
#include "election/stores/rfc3339.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::Record;
using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kFormat = 1;  // the newest that is understood
constexpr seconds kReleasedByClientGo{1};

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
    JsonFields ours(object, "leasehold.", into.problem);
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
    if (into.record.released && ours.has("successor")) into.record.successor = ours.text("successor");
    into.record.lease_duration = agreed(into.record.lease_duration, ours.span("leaseDurationMs", milliseconds(1)));
    into.prepared = into.record.released && into.record.incarnation.empty() && into.record.write_id.empty();
}

void decode_object(const Json& object, DecodedRecord& into) {
    Record& record = into.record;
    JsonFields fields(object, "", into.problem);
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
    if (!record.successor.empty()) ours["successor"] = record.successor;
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
    const std::optional<Json> document = parse_json(text, decoded.problem);
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

void put_into(election::Snapshot& snapshot, const DecodedRecord& decoded) {
    snapshot.presence = decoded.presence;
    snapshot.record = decoded.record;
    snapshot.problem = decoded.problem;
}

Record make_released_record(Duration lease_duration, std::int64_t now_us) {
    Record record;
    record.lease_duration = lease_duration;
    record.renew_time_us = now_us;
    record.released = true;
    return record;
}

}  // namespace leasehold::stores
