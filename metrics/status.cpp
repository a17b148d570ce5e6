// SPDX-License-Identifier: Apache-2.0
#include "metrics/status.h"

#include <ctime>
#include <iterator>
#include <string_view>

#include <fmt/format.h>
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

std::string escape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string utc(double unix_seconds) {
    const auto seconds = static_cast<std::time_t>(unix_seconds);
    std::tm time{};
    if (gmtime_r(&seconds, &time) == nullptr) return {};
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &time)};
}

std::string seconds(const std::optional<double>& value) { return value ? fmt::format("{:.1f} s", *value) : "–"; }

std::string row(std::string_view name, std::string_view value) {
    return fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escape(name), value.empty() ? "–" : escape(value));
}

std::string facts(const StatusView& view) {
    std::string rows;
    rows += row("holder", holder(view));
    rows += row("this instance", view.identity);
    rows += row("role", view.role);
    rows += row("store", view.store);
    rows += row("transitions", std::to_string(view.transitions));
    rows += row("fencing token", view.fencing_token == 0 ? "" : std::to_string(view.fencing_token));
    rows += row("stops at the latest in", seconds(view.soft_in_seconds));
    rows += row("is killed at the latest in", seconds(view.hard_in_seconds));
    rows += row("may try to lead in", seconds(view.free_in_seconds));
    if (view.paused) rows += row("paused", "nothing is done by itself until leasehold resume");
    for (const std::string& hindrance : view.hindrances) rows += row("does not contend", hindrance);
    rows += row("workload", view.workload_state);
    rows += row("hook", view.workload_hook);
    rows += row("process", view.workload_pid == 0 ? "" : std::to_string(view.workload_pid));
    rows += row("last exit code", view.workload_last_exit_code ? std::to_string(*view.workload_last_exit_code) : "");
    if (!view.readiness.empty()) rows += row("ready", view.readiness);
    if (!view.workload_status.empty()) rows += row("its own words", view.workload_status);
    if (!view.health.empty()) rows += row("health", view.health);
    if (!view.candidacy.empty()) rows += row("candidacy", view.candidacy);
    if (view.standby) {
        const std::string process = view.standby->pid == 0 ? "" : fmt::format(", process {}", view.standby->pid);
        rows += row("standby command", view.standby->state + process);
    }
    rows += row("version", view.version);
    return "<table>\n" + rows + "</table>\n";
}

std::string journal(const StatusView& view) {
    std::string rows;
    for (auto entry = view.journal.rbegin(); entry != view.journal.rend(); ++entry) {
        rows += row(utc(entry->unix_seconds), entry->text);
    }
    return rows.empty() ? rows : "<h2>Decisions, newest first</h2>\n<table>\n" + rows + "</table>\n";
}

std::string errors(const StatusView& view) {
    std::string items;
    for (auto error = view.last_errors.rbegin(); error != view.last_errors.rend(); ++error) {
        items += "<li>" + escape(*error) + "</li>\n";
    }
    return items.empty() ? items : "<h2>Errors, newest first</h2>\n<ul>\n" + items + "</ul>\n";
}

std::string last_output(const StatusView& view) {
    std::string lines;
    for (const std::string& line : view.workload_last_output.value_or(std::vector<std::string>{})) {
        lines += escape(line) + "\n";
    }
    return lines.empty() ? lines : "<h2>Last output of the workload</h2>\n<pre>\n" + lines + "</pre>\n";
}

constexpr std::string_view kStyle =
    ":root{color-scheme:light dark}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:2rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884;"
    "overflow-wrap:anywhere}th{font-weight:normal;opacity:.7;width:14rem}"
    ".role{padding:.1rem .6rem;border-radius:1rem;border:1px solid #8888;font-size:1rem;font-weight:normal}"
    ".leading{background:#1a7f37;border-color:#1a7f37;color:#fff}";

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

std::string status_json(const StatusView& view) {
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
    return dump(json, 2) + "\n";
}

std::string holder_json(const StatusView& view) { return dump(Json{{"name", holder(view)}}, -1); }

std::string status_page(const StatusView& view) {
    const std::string_view links =
        "<p><a href=\"/status\">status</a> · <a href=\"/metrics\">metrics</a> · "
        "<a href=\"/healthz?verbose\">healthz</a> · <a href=\"/readyz?verbose\">readyz</a></p>\n";
    std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    page += "<meta name=\"viewport\" content=\"width=device-width\">\n<meta http-equiv=\"refresh\" content=\"5\">\n";
    page += fmt::format("<title>{} · leasehold</title>\n<style>{}</style>\n</head>\n", escape(view.election), kStyle);
    page += fmt::format("<body>\n<h1>{} <span class=\"role{}\">{}</span></h1>\n", escape(view.election),
                        view.leading ? " leading" : "", escape(view.role));
    page += facts(view) + errors(view) + last_output(view) + journal(view);
    page += links;
    return page + "</body>\n</html>\n";
}

}  // namespace leasehold::metrics
