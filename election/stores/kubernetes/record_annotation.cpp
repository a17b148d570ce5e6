// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/record_annotation.h"

#include <algorithm>

#include <fmt/core.h>

#include "election/stores/digest.h"
#include "election/stores/json_fields.h"
#include "election/stores/kubernetes/go_json.h"
#include "election/stores/record_json.h"
#include "election/stores/rfc3339.h"

namespace leasehold::stores::kubernetes {
namespace {

using election::Presence;
using election::Record;
using election::Snapshot;
using Json = nlohmann::json;
using std::chrono::seconds;

constexpr int kFormat = 1;  // the newest that is understood
constexpr seconds kReleasedByClientGo{1};

struct Annotation {
    std::uint64_t format = 0;
    std::string of;
    // The rest only of a format that is understood.
    std::string incarnation, write_id, holder, successor;
    bool released = false;
    Duration lease_duration{};
};

std::string digest_of(const ShownRecord& shown) {
    const std::string text =
        shown.acquire_time + '\n' + shown.renew_time + '\n' + std::to_string(shown.transitions) + '\n';
    return fmt::format("{:016x}", digest(text));
}

// Nothing when it is damaged: then it says nothing about the record beside it.
std::optional<Annotation> parse_annotation(const std::string& text) {
    std::string problem;
    const auto document = text.size() > kRecordTextLimit ? std::nullopt : parse_json(text, problem);
    if (!document || !document->is_object()) return std::nullopt;
    JsonFields fields(*document, "", problem);
    Annotation ours;
    ours.format = fields.number("format", 1, INT32_MAX);
    ours.of = fields.text("of");
    if (ours.format == kFormat) {
        ours.incarnation = fields.text("incarnation");
        ours.write_id = fields.text("writeId");
        ours.holder = fields.text("holderIdentity");
        ours.released = fields.flag("released");
        if (fields.has("successor")) ours.successor = fields.text("successor");
        ours.lease_duration = fields.span("leaseDurationSeconds", seconds(1));
    }
    if (!problem.empty()) return std::nullopt;
    return ours;
}

std::string time_in(const JsonFields& fields, const Json& object, const char* key) {
    if (!fields.has(key)) return {};
    const Json& value = object.at(key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

// No holder, a duration of one second, and both times the time of the release; before kubernetes/kubernetes#80954
// (2020) nothing but the number of transitions, which works for annotations only: a Lease's duration must not be zero.
bool is_release_of_client_go(const ShownRecord& shown) {
    if (!shown.holder.empty() || !shown.lease_duration) return false;
    if (*shown.lease_duration == Duration::zero()) return shown.acquire_time.empty() && shown.renew_time.empty();
    return *shown.lease_duration == kReleasedByClientGo && !shown.renew_time.empty() &&
           shown.acquire_time == shown.renew_time;
}

std::uint64_t whole_seconds(Duration duration) {
    const auto whole = std::clamp<Duration>(duration, seconds(1), kLongestLease);
    return static_cast<std::uint64_t>(std::chrono::ceil<seconds>(whole).count());
}

// `ours` is understood, and stands beside the record with which it was written; but that may have been edited by hand.
void claim(const Annotation& ours, const ShownRecord& shown, Record& record) {
    record.lease_duration = std::max(record.lease_duration, ours.lease_duration);
    const bool released = ours.released && shown.holder.empty();
    if (!released && shown.holder != ours.holder) return;
    record.holder = ours.holder;
    record.incarnation = ours.incarnation;
    record.write_id = ours.write_id;
    record.released = released;
    if (released) record.successor = ours.successor;
}

// What `leasehold init` made (make_released_record()).
bool is_prepared(const Record& record) { return record.released && record.incarnation.empty(); }

}  // namespace

ShownRecord shown_in_spec(const Json& spec, std::string& problem) {
    JsonFields fields(spec, "spec.", problem);
    ShownRecord shown;
    if (fields.has("holderIdentity")) shown.holder = fields.text("holderIdentity");
    if (fields.has("leaseDurationSeconds")) shown.lease_duration = fields.span("leaseDurationSeconds", seconds(1));
    if (fields.has("leaseTransitions")) shown.transitions = fields.number("leaseTransitions", 0, kMostTransitions);
    shown.acquire_time = time_in(fields, spec, "acquireTime");
    shown.renew_time = time_in(fields, spec, "renewTime");
    return shown;
}

ShownRecord shown_in_annotation(const std::string& text, std::string& problem) {
    ShownRecord shown;
    if (text.empty()) return shown;  // somebody emptied it
    std::string flaw;
    const auto document = text.size() > kRecordTextLimit ? std::nullopt : parse_json(text, flaw);
    if (text.size() > kRecordTextLimit) flaw = fmt::format("it is larger than {} KiB", kRecordTextLimit / 1024);
    if (document && !document->is_object()) flaw = "it is JSON, but not an object";
    if (!flaw.empty()) {
        if (problem.empty()) problem = "its leader annotation is damaged: " + flaw;
        return shown;
    }
    JsonFields fields(*document, "leader annotation's ", problem);
    shown.holder = fields.text("holderIdentity");
    const std::uint64_t least = shown.holder.empty() ? 0 : 1;  // 0: see is_release_of_client_go()
    const auto most = static_cast<std::uint64_t>(kLongestLease / seconds(1));
    shown.lease_duration = seconds(fields.number("leaseDurationSeconds", least, most));
    shown.transitions = fields.number("leaderTransitions", 0, kMostTransitions);
    shown.acquire_time = time_in(fields, *document, "acquireTime");
    shown.renew_time = time_in(fields, *document, "renewTime");
    return shown;
}

ShownRecord shown_for(const Record& record, std::optional<std::string> (*time_text)(std::int64_t unix_us)) {
    const auto text = [&](std::int64_t time_us) { return time_us == 0 ? "" : time_text(time_us).value_or(""); };
    ShownRecord shown;
    if (!record.released) shown.holder = valid_utf8(record.holder);
    shown.lease_duration = record.released ? kReleasedByClientGo : seconds(whole_seconds(record.lease_duration));
    shown.acquire_time = text(record.acquire_time_us);
    shown.renew_time = text(record.renew_time_us);
    shown.transitions = std::min(record.transitions, kMostTransitions);
    return shown;
}

std::string record_annotation(const Record& record, const ShownRecord& shown) {
    nlohmann::ordered_json ours;
    ours["format"] = record.format;
    ours["incarnation"] = valid_utf8(record.incarnation);
    ours["writeId"] = valid_utf8(record.write_id);
    ours["released"] = record.released;
    if (!record.successor.empty()) ours["successor"] = valid_utf8(record.successor);
    ours["holderIdentity"] = valid_utf8(record.holder);
    ours["leaseDurationSeconds"] = whole_seconds(record.lease_duration);
    ours["of"] = digest_of(shown);
    return ours.dump();
}

void read_record(const ShownRecord& shown, const std::optional<std::string>& annotation, Snapshot& into) {
    const auto complain = [&](const std::string& what) {
        if (into.problem.empty()) into.problem = what;
    };
    Record& record = into.record;
    record.holder = shown.holder;
    record.lease_duration = shown.lease_duration.value_or(Duration::zero());
    record.acquire_time_us = parse_rfc3339(shown.acquire_time).value_or(0);
    record.renew_time_us = parse_rfc3339(shown.renew_time).value_or(0);
    record.transitions = shown.transitions;

    const auto ours = annotation ? parse_annotation(*annotation) : std::nullopt;
    if (ours && ours->of == digest_of(shown)) {
        if (ours->format > kFormat) {
            complain(fmt::format("it was written by a newer leasehold (format {}, this one understands up to {})",
                                 ours->format, kFormat));
        } else {
            claim(*ours, shown, record);
            into.never_written = is_prepared(record);
        }
    } else {
        record.released = is_release_of_client_go(shown);
        if (record.released) record.lease_duration = kReleasedByClientGo;
        // The same name in what looks like another program's write is more likely the work of an editor.
        const bool maybe_edited = ours && !record.released && (shown.holder.empty() || shown.holder == ours->holder);
        if (maybe_edited) record.lease_duration = std::max(record.lease_duration, ours->lease_duration);
    }
    if (!record.holder.empty() && record.lease_duration == Duration::zero()) {
        complain("its spec.leaseDurationSeconds is missing");
    }
    if (!into.problem.empty()) {
        into.presence = Presence::unreadable;
        record = Record();
        return;
    }
    into.presence = record.holder.empty() && !record.released ? Presence::vacated : Presence::present;
}

}  // namespace leasehold::stores::kubernetes
