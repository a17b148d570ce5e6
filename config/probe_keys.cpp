// SPDX-License-Identifier: Apache-2.0
#include "config/probe_keys.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/core.h>

#include "base/duration_text.h"
#include "config/key_makers.h"
#include "config/text.h"

namespace leasehold::config {
namespace {

using supervisor::AfterUnhealthy;
using supervisor::ProbeOptions;

constexpr int kMostInARow = 1'000'000;
constexpr const char* kKinds = "exec, http or tcp";
constexpr const char* kKindsOfReady = "notify, exec, http or tcp";

// As HTTP has it for the name of a header (RFC 9110, 5.6.2).
Form<std::string> header_name_form() {
    constexpr std::string_view kToken = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
    Form<std::string> form;
    form.read = [kToken](const std::string& text) -> Result<std::string> {
        const bool token = !text.empty() && text.find_first_not_of(kToken) == std::string::npos;
        if (!token) return failure("is no name for a header");
        return text;
    };
    form.write = [](const std::string& text) { return text; };
    form.schema = []() -> Json { return {{"pattern", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"}}; };
    return form;
}

Form<std::string> header_value_form() {
    Form<std::string> form = argument_form();
    form.read = [](const std::string& text) -> Result<std::string> {
        if (has_control_character(text)) return failure("holds a control character");
        return text;
    };
    return form;
}

// What all have. `of` finds the options of the one.
template <class Of>
std::vector<Key> common(const std::string& path, Of of) {
    Key headers = mapping_key(
        path + "headers", "Headers of the request.", header_name_form(),
        header_value_form(), [of](auto& o) -> auto& { return of(o).headers; });
    headers.secret = true;  // a token, say
    headers.example = "{Accept: text/plain}";
    return key_list(scalar_key(
                        path + "http", "A URL; passes with a status in the range, and is not redirected.",
                        probe_url_form(), [of](auto& o) -> auto& { return of(o).http; }),
                    scalar_key(
                        path + "tcp", "HOST:PORT; passes when it can be connected to.",
                        probe_address_form(), [of](auto& o) -> auto& { return of(o).tcp; }),
                    scalar_key(
                        path + "status", "The statuses of http that pass.",
                        status_range_form(), [of](auto& o) -> auto& { return of(o).status; }),
                    headers,
                    scalar_key(
                        path + "interval", "The time from one probe to the next.",
                        positive_duration_form(), [of](auto& o) -> auto& { return of(o).interval; }),
                    scalar_key(
                        path + "timeout", "How long one may take before it has failed.",
                        positive_duration_form(), [of](auto& o) -> auto& { return of(o).timeout; }));
}

template <class Of>
Key success_threshold(const std::string& path, Of of) {
    return scalar_key(
        path + "success_threshold", "So many passes in a row count.",
        integer_form(1, kMostInARow), [of](auto& o) -> auto& { return of(o).success_threshold; });
}

template <class Of>
void add_thresholds(std::vector<Key>& keys, const std::string& path, Of of) {
    keys.push_back(scalar_key(
        path + "failure_threshold", "So many failures in a row count.",
        integer_form(1, kMostInARow), [of](auto& o) -> auto& { return of(o).failure_threshold; }));
    keys.push_back(success_threshold(path, of));
}

template <class Of>
Key initial_delay(const std::string& path, const std::string& help, Of of) {
    return scalar_key(
        path + "initial_delay", help, duration_form(), [of](auto& o) -> auto& { return of(o).initial_delay; });
}

constexpr const char* kHelpOfExec = "A command, without a shell; passes with the status 0.";

template <class Of>
Key exec(const std::string& path, const std::string& help, Of of) {
    return command_key(
        path + "exec", help, [of](auto& o) -> auto& { return of(o).exec; });
}

std::vector<Key> ready() {
    const std::string path = "workload.ready.";
    const auto own = [](auto& o) -> auto& { return o.workload.ready.probe; };
    std::vector<Key> keys{
        scalar_key(
            path + "notify", "It is ready when it says READY=1 to $NOTIFY_SOCKET, as sd_notify(3) does.",
            boolean_form(), [](auto& o) -> auto& { return o.workload.ready.notify; }),
        exec(path, kHelpOfExec, own)};
    for (Key& key : common(path, own)) keys.push_back(std::move(key));
    keys.push_back(success_threshold(path, own));
    keys.push_back(initial_delay(path, "How long after each start of the workload the first one begins.", own));
    keys.push_back(scalar_key(
        path + "start_timeout", "A workload that is not ready by then is stopped; 0s: it may take for ever.",
        duration_form(), [](auto& o) -> auto& { return o.workload.ready.start_timeout; }));
    return keys;
}

std::vector<Key> health() {
    const std::string path = "workload.health.";
    const auto own = [](auto& o) -> auto& { return o.workload.health; };
    const auto thens =
        choice_form<AfterUnhealthy>({{"restart", AfterUnhealthy::restart}, {"resign", AfterUnhealthy::resign}});
    std::vector<Key> keys{exec(path, kHelpOfExec, own)};
    for (Key& key : common(path, own)) keys.push_back(std::move(key));
    add_thresholds(keys, path, own);
    keys.push_back(initial_delay(path, "How long after the workload was ready the first one begins.", own));
    keys.push_back(scalar_key(
        path + "then", "What follows when it has failed: the workload is started anew, or another candidate leads.",
        thens, [own](auto& o) -> auto& { return own(o).then; }));
    return keys;
}

std::vector<Key> candidacy() {
    const std::string path = "workload.candidacy.";
    const auto own = [](auto& o) -> auto& { return o.workload.candidacy; };
    std::vector<Key> keys{exec(path, kHelpOfExec, own)};
    for (Key& key : common(path, own)) keys.push_back(std::move(key));
    add_thresholds(keys, path, own);
    return keys;
}

void check_probe(const std::string& path, const ProbeOptions& probe, std::vector<RuleProblem>& problems,
                 bool notify = false, const char* possible = kKinds) {
    if (!probe.given) return;
    const std::array<bool, 4> kinds{notify, !probe.exec.empty(), !probe.http.empty(), !probe.tcp.empty()};
    const auto count = std::count(kinds.begin(), kinds.end(), true);
    if (count == 0) problems.push_back({path, fmt::format("asks nothing; write one of {}", possible)});
    if (count > 1) problems.push_back({path, fmt::format("asks more than one thing; keep one of {}", possible)});
    const bool of_http = !probe.headers.empty() || probe.status != supervisor::StatusRange{};
    if (count == 1 && probe.http.empty() && of_http) {
        problems.push_back({path, "has status or headers, which only http has"});
    }
}

std::string times(int count) { return count == 1 ? "once" : fmt::format("{} times in a row", count); }

// Before the limit is over it must have been possible to become ready.
void check_ready(const supervisor::ReadyOptions& ready, std::vector<RuleProblem>& problems) {
    check_probe("workload.ready", ready.probe, problems, ready.notify, kKindsOfReady);
    const Duration left = ready.start_timeout - ready.probe.initial_delay;
    const bool possible = left > Duration::zero() && left / ready.probe.interval >= ready.probe.success_threshold - 1;
    if (ready.notify || ready.start_timeout == Duration::zero() || possible) return;
    problems.push_back({"workload.ready.start_timeout",
                        fmt::format("is {}, in which the probe cannot pass {}: it begins after {}, and comes "
                                    "every {}",
                                    to_text(ready.start_timeout), times(ready.probe.success_threshold),
                                    to_text(ready.probe.initial_delay), to_text(ready.probe.interval))});
}

}  // namespace

std::vector<Section> probe_sections() {
    Section ready{.path = "workload.ready",
                  .help = "When the workload, once executed, is ready; without it, at once.",
                  .example = "{notify: true}"};
    ready.choose = [](Options& options) { options.workload.ready.probe.given = true; };
    ready.in_use = [](const Options& options) { return options.workload.ready.probe.given; };
    Section health{.path = "workload.health",
                   .help = "Whether the workload is well; what follows when it is not.",
                   .example = "{http: \"http://127.0.0.1:8080/health\"}"};
    health.choose = [](Options& options) { options.workload.health.given = true; };
    health.in_use = [](const Options& options) { return options.workload.health.given; };
    Section candidacy{.path = "workload.candidacy",
                      .help = "Whether this candidate may contend; without it, it may.",
                      .example = "{tcp: \"127.0.0.1:5432\"}"};
    candidacy.choose = [](Options& options) { options.workload.candidacy.given = true; };
    candidacy.in_use = [](const Options& options) { return options.workload.candidacy.given; };
    return {ready, health, candidacy};
}

std::vector<Key> probe_keys() {
    std::vector<Key> keys = ready();
    for (Key& key : health()) keys.push_back(std::move(key));
    for (Key& key : candidacy()) keys.push_back(std::move(key));
    return keys;
}

std::vector<RuleProblem> check_probes(const supervisor::WorkloadOptions& workload) {
    std::vector<RuleProblem> problems;
    check_ready(workload.ready, problems);
    check_probe("workload.health", workload.health, problems);
    check_probe("workload.candidacy", workload.candidacy, problems);
    return problems;
}

}  // namespace leasehold::config
