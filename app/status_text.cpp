// SPDX-License-Identifier: Apache-2.0
#include "app/status_text.h"

#include <cmath>
#include <ctime>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/duration_text.h"

namespace leasehold::app {
namespace {

constexpr std::size_t kMostDecisions = 10;
constexpr std::size_t kMostErrors = 3;
constexpr double kLongestAge = 1e9;  // seconds; what is older comes from a clock that is wrong

// From the store or from another program, so not to be trusted with a terminal.
std::string printable(const std::string& text) {
    std::string clean;
    for (const char c : text) clean += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    return clean;
}

std::string text_at(const Json& object, const char* key) {
    const bool there = object.is_object() && object.contains(key) && object[key].is_string();
    return there ? printable(object[key].get<std::string>()) : "";
}

std::optional<double> number_at(const Json& object, const char* key) {
    const bool there = object.is_object() && object.contains(key) && object[key].is_number();
    return there ? std::optional(object[key].get<double>()) : std::nullopt;
}

bool flag_in(const Json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_boolean() && object[key].get<bool>();
}

Json array_in(const Json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_array() ? object[key] : Json::array();
}

std::string utc_text(double unix_seconds, const char* format) {
    if (!(std::abs(unix_seconds) < 1e11)) return "?";
    const auto seconds = static_cast<std::time_t>(unix_seconds);
    std::tm time{};
    char text[64];
    if (gmtime_r(&seconds, &time) == nullptr) return "?";
    return {text, std::strftime(text, sizeof text, format, &time)};
}

// "1.2s", "41s", "3m20s", "5h": the larger, the rounder.
std::string rounded(double seconds) {
    using namespace std::chrono;
    if (!(seconds >= 0 && seconds < kLongestAge)) return "?";
    const auto exact = duration_cast<milliseconds>(std::chrono::duration<double>(seconds));
    if (exact < 10s) return to_text(round<milliseconds>(exact / 100) * 100);
    if (exact < 1h) return to_text(round<std::chrono::seconds>(exact));
    return to_text(round<minutes>(exact));
}

std::string since_when(const std::optional<double>& at, double now) {
    if (!at) return "";
    return fmt::format(" since {} ({})", utc_text(*at, "%Y-%m-%d %H:%M:%S UTC"), rounded(std::max(now - *at, 0.0)));
}

class StatusPage {
public:
    StatusPage(const Json& status, double now) : status_(status), now_(now) {}

    std::string text() {
        const bool leads = flag_in(status_, "leading");
        out_ = fmt::format("{}: {}\n\n", text_at(status_, "election"), headline(leads));
        row("candidate", text_at(status_, "identity") + ", leasehold " + text_at(status_, "version"));
        row("store", text_at(status_, "store") + (flag_in(status_, "store_answered") ? "" : " (no answer yet)"));
        if (flag_in(status_, "paused")) row("paused", "nothing is done by itself until 'leasehold resume'");
        leads ? lease() : why_not();
        workload();
        standby();
        list("Last errors", "last_errors", kMostErrors);
        decisions();
        return out_;
    }

private:
    std::string headline(bool leads) const {
        const std::string role = text_at(status_, "role");
        const auto role_since = number_at(status_, "role_since_seconds");
        if (leads) return "this candidate LEADS" + since_when(role_since, now_);
        if (role != "standby") return "this candidate leads no longer, and is " + role + since_when(role_since, now_);
        const std::string holder = text_at(status_, "holder");
        if (holder.empty()) return "standby; nobody is known to lead";
        return "standby; " + holder + " leads" + since_when(number_at(status_, "holder_since_seconds"), now_);
    }

    void row(const char* name, const std::string& value) { out_ += fmt::format("  {:<14} {}\n", name, value); }

    void lease() {
        const auto number = [this](const char* key) { return number_at(status_, key).value_or(0); };
        row("term", fmt::format("{:.0f} of this start, fencing token {:.0f}, transitions {:.0f}", number("term"),
                                number("fencing_token"), number("transitions")));
        row("lease", fmt::format("{} left; unless it is renewed, the workload is asked to stop in {} and killed in {}",
                                 rounded(number("lease_left_seconds")), rounded(number("soft_in_seconds")),
                                 rounded(number("hard_in_seconds"))));
    }

    // Every reason, the operators' first.
    void why_not() {
        const char* title = "why not leader";
        const auto reason = [&](const std::string& text) { row(std::exchange(title, ""), text); };
        const std::string role = text_at(status_, "role");
        for (const Json& hindrance : array_in(status_, "hindrances")) {
            if (hindrance.is_string()) reason(printable(hindrance.get<std::string>()));
        }
        if (role != "standby") return reason("its term is being ended (" + role + ")");
        const std::string holder = text_at(status_, "holder");
        const auto free_in = number_at(status_, "free_in_seconds");
        if (!holder.empty()) {
            const auto left = number_at(status_, "lease_left_seconds");
            return reason(holder + " holds the lease" +
                          (left ? "; it is free in " + rounded(*left) + " unless it is renewed" : ""));
        }
        if (!flag_in(status_, "store_answered")) return reason("the store has not answered yet");
        if (!free_in) return reason("the lease cannot be told to be free; see the decisions below");
        reason(*free_in > 0 ? "the lease may be tried in " + rounded(*free_in) + ", if nothing changes"
                            : "the lease is free to be tried");
    }

    void workload() {
        if (!status_.is_object() || !status_.contains("workload") || !status_["workload"].is_object()) return;
        const Json& workload = status_["workload"];
        std::string text = text_at(workload, "state");
        if (const auto pid = number_at(workload, "pid")) text += fmt::format(", process {:.0f}", *pid);
        if (const auto code = number_at(workload, "last_exit_code"))
            text += fmt::format("; last ended with {:.0f}", *code);
        row("workload", waits_for_standby() ? "waits until the standby command has ended" : text);
        if (const std::string hook = text_at(workload, "hook"); !hook.empty()) {
            row("hook", (hook == "stop" ? "workload.stop.command" : "workload.hooks." + hook) + " is being executed");
        }
        for (const auto& [title, key] :
             {std::pair("ready", "ready"), {"its own words", "status"}, {"health", "health"}}) {
            if (const std::string words = text_at(workload, key); !words.empty()) row(title, words);
        }
    }

    // A leader's workload is not started before.
    bool waits_for_standby() const {
        if (!flag_in(status_, "leading") || !status_.contains("standby")) return false;
        const std::string state = text_at(status_["standby"], "state");
        return text_at(status_["workload"], "state") == "stopped" && (state == "running" || state == "stopping");
    }

    void standby() {
        if (!status_.is_object() || !status_.contains("standby") || !status_["standby"].is_object()) return;
        const Json& command = status_["standby"];
        std::string text = text_at(command, "state");
        if (const auto pid = number_at(command, "pid")) text += fmt::format(", process {:.0f}", *pid);
        if (const auto code = number_at(command, "last_exit_code"))
            text += fmt::format("; last ended with {:.0f}", *code);
        row("standby", text);
    }

    void list(const char* title, const char* key, std::size_t most) {
        const Json all = array_in(status_, key);
        if (all.empty()) return;
        out_ += fmt::format("\n{}, newest last:\n", title);
        for (std::size_t i = all.size() > most ? all.size() - most : 0; i < all.size(); ++i) {
            if (all[i].is_string()) out_ += "  " + printable(all[i].get<std::string>()) + '\n';
        }
    }

    void decisions() {
        const Json all = array_in(status_, "journal");
        if (all.empty()) return;
        out_ += "\nLast decisions, newest last:\n";
        const std::size_t first = all.size() > kMostDecisions ? all.size() - kMostDecisions : 0;
        for (std::size_t i = first; i < all.size(); ++i) {
            out_ +=
                fmt::format("  {}  {}\n", utc_text(number_at(all[i], "time_seconds").value_or(0), "%Y-%m-%d %H:%M:%S"),
                            text_at(all[i], "text"));
        }
    }

    const Json& status_;
    double now_;
    std::string out_;
};

}  // namespace

std::string status_text(const Json& status, double now) { return StatusPage(status, now).text(); }

}  // namespace leasehold::app
