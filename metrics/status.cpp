// SPDX-License-Identifier: Apache-2.0
#include "metrics/status.h"

#include <nlohmann/json.hpp>

namespace leasehold::metrics {
namespace {

using Json = nlohmann::ordered_json;

template <class Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// Bytes that are not UTF-8, from a record that someone else wrote, must not cost the answer.
std::string dump(const Json& json, int indent) { return json.dump(indent, ' ', false, Json::error_handler_t::replace); }

Json workload(const StatusView& view) {
    if (view.workload_state.empty()) return nullptr;
    Json json;
    json["state"] = view.workload_state;
    json["hook"] = text_or_null(view.workload_hook);
    json["pid"] = view.workload_pid == 0 ? Json(nullptr) : Json(view.workload_pid);
    json["last_exit_code"] = or_null(view.workload_last_exit_code);
    json["last_output"] = or_null(view.workload_last_output);
    json["ready"] = text_or_null(view.readiness);
    json["status"] = text_or_null(view.workload_status);
    json["health"] = text_or_null(view.health);
    return json;
}

Json last_end(const StatusView& view) {
    if (!view.last_end) return nullptr;
    return {{"term", view.last_end->term}, {"released", view.last_end->released}};
}

std::string holder(const StatusView& view) { return view.holder_fresh ? view.holder : std::string(); }

Json standby(const StatusView& view) {
    if (!view.standby) return nullptr;
    return {{"state", view.standby->state},
            {"pid", view.standby->pid == 0 ? Json(nullptr) : Json(view.standby->pid)},
            {"last_exit_code", or_null(view.standby->last_exit_code)}};
}

Json last_reload(const StatusView& view) {
    if (!view.last_reload) return nullptr;
    const LastReload& last = *view.last_reload;
    return {{"number", last.number}, {"successful", last.successful}, {"text", text_or_null(last.text)}};
}

}  // namespace

Json status_object(const StatusView& view) {
    Json json;
    json["version"] = view.version;
    json["identity"] = view.identity;
    json["election"] = view.election;
    json["store"] = view.store;
    json["role"] = view.role;
    json["leading"] = view.leading;
    json["renewed_within_lease"] = view.renewed_within_lease;
    json["configured"] = view.configured;
    json["store_answered"] = view.store_answered;
    json["supervisor_connected"] = or_null(view.supervisor_connected);
    json["holder"] = holder(view);
    json["holder_fresh"] = view.holder_fresh;
    json["transitions"] = view.transitions;
    json["term"] = view.term;
    json["fencing_token"] = view.fencing_token;
    json["soft_in_seconds"] = or_null(view.soft_in_seconds);
    json["hard_in_seconds"] = or_null(view.hard_in_seconds);
    json["free_in_seconds"] = or_null(view.free_in_seconds);
    json["role_since_seconds"] = view.role_since_unix_seconds > 0 ? Json(view.role_since_unix_seconds) : Json(nullptr);
    json["holder_since_seconds"] = or_null(view.holder_since_unix_seconds);
    json["lease_left_seconds"] = or_null(view.lease_left_seconds);
    json["lease_duration_seconds"] = or_null(view.lease_duration_seconds);
    json["last_reload"] = last_reload(view);
    json["paused"] = view.paused;
    json["hindrances"] = view.hindrances;
    json["last_end"] = last_end(view);
    json["workload"] = workload(view);
    json["candidacy"] = text_or_null(view.candidacy);
    json["standby"] = standby(view);
    json["last_errors"] = view.last_errors;
    json["journal"] = Json::array();
    for (const JournalEntry& entry : view.journal) {
        json["journal"].push_back(Json{{"time_seconds", entry.unix_seconds}, {"text", entry.text}});
    }
    return json;
}

std::string status_json(const StatusView& view) { return dump(status_object(view), 2) + "\n"; }

std::string holder_json(const StatusView& view) { return dump(Json{{"name", holder(view)}}, -1); }

}  // namespace leasehold::metrics
