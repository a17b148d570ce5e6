// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/probe.h"

#include <utility>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/duration_text.h"
#include "election/stores/json_fields.h"
#include "election/stores/kubernetes/lock_object.h"

namespace leasehold::stores::kubernetes {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(5);

Json review_of(const Action& action) {
    Json attributes = {{"namespace", action.namespace_name},
                       {"verb", action.verb},
                       {"group", action.api_group},
                       {"resource", action.resource}};
    if (!action.name.empty()) attributes["name"] = action.name;
    return {{"apiVersion", "authorization.k8s.io/v1"},
            {"kind", "SelfSubjectAccessReview"},
            {"spec", {{"resourceAttributes", attributes}}}};
}

// The request that such an action is, so that nothing comes of it.
Api::Call dry_run_of(const Action& action) {
    std::string target =
        fmt::format("{}/namespaces/{}/{}", action.api_group.empty() ? "/api/v1" : "/apis/" + action.api_group + "/v1",
                    action.namespace_name, action.resource);
    if (action.verb == "watch") {
        return {.target = target + "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3D" + action.name};
    }
    if (action.verb == "create") return {"POST", target + "?dryRun=All", "{}"};
    target += '/' + (action.name.empty() ? "leasehold-probe" : action.name);
    if (action.verb == "get") return {.target = target};
    if (action.verb == "patch") return {"PATCH", target + "?dryRun=All", "{}", "application/merge-patch+json"};
    return {"PUT", target + "?dryRun=All", "{}"};
}

std::string state_of(const election::Snapshot& snapshot) {
    using election::Presence;
    switch (snapshot.presence) {
        case Presence::absent:
            return "it does not exist yet: the first start waits for one lease duration, unless 'leasehold init' makes "
                   "it "
                   "beforehand";
        case Presence::vacated: return "it names no holder and no release: candidates wait for one lease duration";
        case Presence::unreadable: return "it counts as held, because it cannot be understood: " + snapshot.problem;
        case Presence::present: break;
    }
    if (snapshot.record.released) return "it is free";
    return fmt::format("it is held by {}, for {}", snapshot.record.holder, to_text(snapshot.record.lease_duration));
}

}  // namespace

Probe::Probe(Api& api, Store& store, Needs needs, std::function<void(const ProbeResult&)> done)
    : api_(api), store_(store), needs_(std::move(needs)), done_(std::move(done)) {}

void Probe::start() {
    result_.good = true;
    ask_next();
}

void Probe::ask_next() {
    if (next_ == needs_.actions.size()) return ask_who_we_are();
    api_.send(
        {"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review_of(needs_.actions[next_]).dump()},
        kTimeout, [this](const http::Answer& answer) { reviewed(answer); });
}

void Probe::reviewed(const http::Answer& answer) {
    const Action& action = needs_.actions[next_];
    look_at_clock(answer);
    const Json review = parse_server_json(answer.body);
    const bool understood = answer.failure == http::Failure::none && answer.status == 201 && review.is_object() &&
                            review.contains("status") && review["status"].is_object();
    if (!understood) {
        const Refusal refusal =
            api_.refusal_of(answer, {"create", "authorization.k8s.io", "selfsubjectaccessreviews", "", ""});
        result_.text += fmt::format("  {}\n", refusal.detail);
        user_ = refusal.denied_user;
        result_.good = false;
        return finish();  // the next ones would say the same
    }
    const Json& status = review["status"];
    const bool allowed = status.contains("allowed") && status["allowed"] == true;
    result_.text +=
        fmt::format("  {:<8}{:<44}{}\n", action.verb, action.resource + (action.name.empty() ? "" : '/' + action.name),
                    allowed ? "allowed" : "NOT ALLOWED");
    if (!allowed) missing_.push_back(action);
    ++next_;
    ask_next();
}

void Probe::look_at_clock(const http::Answer& answer) {
    if (std::exchange(clock_looked_at_, true)) return;
    const auto unix_seconds = std::chrono::duration_cast<std::chrono::seconds>(wall_now().time_since_epoch()).count();
    if (const auto difference = clock_difference(answer, unix_seconds)) notes_ += "  Note: " + *difference + '\n';
}

void Probe::ask_who_we_are() {
    const Json review = {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}};
    api_.send({"POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review.dump()}, kTimeout,
              [this](const http::Answer& answer) {
                  const auto who = parse_server_json(answer.body);
                  const Json::json_pointer name("/status/userInfo/username");
                  if (who.is_object() && who.contains(name) && who[name].is_string()) user_ = who[name];
                  ask_for_what_is_missing();
              });
}

void Probe::ask_for_what_is_missing() {
    if (!user_.empty() || missing_.empty()) return read_lock();
    api_.send(dry_run_of(missing_.front()), kTimeout, [this](const http::Answer& answer) {
        user_ = api_.refusal_of(answer, missing_.front()).denied_user;
        read_lock();
    });
}

void Probe::read_lock() {
    store_.read(kTimeout, [this](const election::ReadOutcome& outcome) { lock_read(outcome); });
}

void Probe::lock_read(const election::ReadOutcome& outcome) {
    if (outcome.status == election::ReadStatus::ok) {
        result_.text += fmt::format("  The lock: {}.\n", state_of(outcome.snapshot));
    } else {
        result_.text += fmt::format("  The lock cannot be read: {}\n", outcome.detail);
        result_.good = false;
        if (user_.empty()) user_ = user_in(outcome.detail);
    }
    finish();
}

void Probe::finish() {
    result_.text += fmt::format("  Asked with the credentials of {}{}. A run with others may have other rights.\n",
                                api_.access().origin(), user_.empty() ? "" : ", user " + user_);
    result_.text += notes_;
    if (!missing_.empty()) {
        result_.good = false;
        const std::string yaml = role_yaml(needs_, user_);
        const bool bound = yaml.find("kind: RoleBinding") != std::string::npos;
        result_.text += fmt::format(
            "What is missing is allowed by this{}:\n\n{}",
            bound
                ? ""
                : "; add these rules to the Role that is bound already, or bind this one to the pod's service account",
            yaml);
    }
    done_(result_);
}

}  // namespace leasehold::stores::kubernetes
