// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/probe.h"

#include <utility>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/duration_text.h"

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

Probe::Probe(Api& api, Store& store, const ObjectName& lock, const KubernetesOptions& options,
             std::function<void(const ProbeResult&)> done)
    : api_(api),
      store_(store),
      lock_(lock),
      actions_(actions_of_a_run(options, lock.name, lock.namespace_name)),
      done_(std::move(done)) {}

void Probe::start() {
    result_.good = true;
    ask_next();
}

void Probe::ask_next() {
    if (next_ == actions_.size()) return read_lock();
    api_.send({"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review_of(actions_[next_]).dump()},
              kTimeout, [this](const http::Answer& answer) { reviewed(answer); });
}

void Probe::reviewed(const http::Answer& answer) {
    const Action& action = actions_[next_];
    look_at_clock(answer);
    const Json review = Json::parse(answer.body, nullptr, false);
    const bool understood = answer.failure == http::Failure::none && answer.status == 201 && review.is_object() &&
                            review.contains("status") && review["status"].is_object();
    if (!understood) {
        const Action asked{"create", "authorization.k8s.io", "selfsubjectaccessreviews", "", ""};
        result_.text += fmt::format("  {}\n", explain(answer, asked, api_.server()).detail);
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

void Probe::read_lock() {
    store_.read(kTimeout, [this](const election::ReadOutcome& outcome) { lock_read(outcome); });
}

void Probe::lock_read(const election::ReadOutcome& outcome) {
    if (outcome.status == election::ReadStatus::ok) {
        result_.text += fmt::format("  The lock: {}.\n", state_of(outcome.snapshot));
    } else {
        result_.text += fmt::format("  The lock cannot be read: {}\n", outcome.detail);
        result_.good = false;
        user_ = user_in(outcome.detail);
    }
    finish();
}

void Probe::finish() {
    if (!missing_.empty()) {
        result_.good = false;
        result_.text += "What is missing is allowed by:\n\n" +
                        role_yaml(actions_, "leasehold-" + lock_.name, lock_.namespace_name, user_);
    }
    result_.text += notes_;
    done_(result_);
}

}  // namespace leasehold::stores::kubernetes
