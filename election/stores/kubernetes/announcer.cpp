// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/announcer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/log.h"
#include "election/stores/kubernetes/refusal.h"
#include "election/stores/rfc3339.h"

namespace leasehold::stores::kubernetes {
namespace {

using std::chrono::seconds;

constexpr Duration kTimeout = seconds(10);
constexpr Duration kEventDelay = std::chrono::milliseconds(30);  // a hand-over takes less
constexpr std::size_t kLongestNameStem = 200;

std::int64_t unix_us() {
    using namespace std::chrono;
    return duration_cast<microseconds>(wall_now().time_since_epoch()).count();
}

// metav1.Time: whole seconds.
std::string time_text(std::int64_t us) {
    return format_rfc3339(us / 1'000'000 * 1'000'000).value_or("1970-01-01T00:00:00Z");
}

const char* text_of(Announcer::PodRole role) { return role == Announcer::PodRole::leader ? "leader" : "standby"; }

bool succeeded(const http::Answer& answer) {
    return answer.failure == http::Failure::none && answer.status >= 200 && answer.status < 300;
}

}  // namespace

Result<std::unique_ptr<Announcer>> Announcer::create(EventLoop& loop, std::shared_ptr<Api> api,
                                                     AnnouncerSettings settings) {
    std::unique_ptr<Announcer> announcer(new Announcer(std::move(api), std::move(settings)));
    auto retry = Timer::create(loop, [raw = announcer.get()] { raw->send_label(); });
    if (!retry) return tl::unexpected<Error>(retry.error());
    announcer->retry_timer_ = std::move(*retry);
    auto limit = Timer::create(loop, [raw = announcer.get()] { raw->settle(); });
    if (!limit) return tl::unexpected<Error>(limit.error());
    announcer->limit_timer_ = std::move(*limit);
    auto event = Timer::create(loop, [raw = announcer.get()] { raw->send_events(); });
    if (!event) return tl::unexpected<Error>(event.error());
    announcer->event_timer_ = std::move(*event);
    auto farewell = Timer::create(loop, [raw = announcer.get()] {
        if (const auto done = std::exchange(raw->farewell_, nullptr)) done();
    });
    if (!farewell) return tl::unexpected<Error>(farewell.error());
    announcer->farewell_timer_ = std::move(*farewell);
    return announcer;
}

void Announcer::announce(const std::string& what) {
    if (!settings_.events) return;
    const ObjectKind kind = kind_of(settings_.lock.lock);
    const std::int64_t at = unix_us();
    Json event;
    event["apiVersion"] = "v1";
    event["kind"] = "Event";
    event["metadata"]["namespace"] = settings_.lock.namespace_name;
    event["metadata"]["name"] =
        fmt::format("{}.{:x}.{}", settings_.lock.name.substr(0, kLongestNameStem), at, ++events_made_);
    event["involvedObject"] = {{"apiVersion", kind.api_version},
                               {"kind", kind.kind},
                               {"namespace", settings_.lock.namespace_name},
                               {"name", settings_.lock.name},
                               {"uid", settings_.seen->tag},
                               {"resourceVersion", std::to_string(settings_.seen->number)}};
    event["type"] = "Normal";
    event["reason"] = "LeaderElection";
    event["message"] = settings_.identity + ' ' + what;
    event["source"] = {{"component", "leasehold"}};
    event["firstTimestamp"] = event["lastTimestamp"] = time_text(at);
    event["count"] = 1;
    if (events_to_send_.empty()) event_timer_->arm_in(kEventDelay);
    events_to_send_.push_back(event.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void Announcer::send_events() {
    const std::string target = fmt::format("/api/v1/namespaces/{}/events", settings_.lock.namespace_name);
    for (const std::string& body : std::exchange(events_to_send_, {})) {
        ++events_under_way_;
        api_->send({"POST", target, body}, kTimeout, [this, alive = std::weak_ptr<bool>(alive_)](const auto& answer) {
            if (alive.lock()) event_answered(answer);
        });
    }
}

void Announcer::event_answered(const http::Answer& answer) {
    if (!succeeded(answer) && !std::exchange(complained_of_events_, true)) {
        const Action action{"create", "", "events", "", settings_.lock.namespace_name};
        log::warn("no Event tells of the change of leadership: {}", api_->refusal_of(answer, action).detail);
    }
    --events_under_way_;
    if (all_events_are_sent() && farewell_) farewell_timer_->arm_in(Duration::zero());
}

void Announcer::when_events_are_sent(Duration limit, std::function<void()> done) {
    farewell_ = std::move(done);
    farewell_timer_->arm_in(all_events_are_sent() ? Duration::zero() : limit);
}

void Announcer::set_pod_role(PodRole role) {
    if (settings_.role_label.empty() || settings_.pod.empty()) return;
    if (role == wanted_ && (label_set_ || sending_)) return;
    wanted_ = role;
    label_set_ = label_hopeless_ = false;
    label_pause_.reset();
    send_label();
}

void Announcer::send_label() {
    if (sending_) return;  // its answer sends the next one
    sending_ = true;
    retry_timer_->disarm();
    const Json patch = {{"metadata", {{"labels", {{settings_.role_label, text_of(wanted_)}}}}}};
    const std::string target = fmt::format("/api/v1/namespaces/{}/pods/{}", settings_.pod_namespace, settings_.pod);
    api_->send({"PATCH", target, patch.dump(), "application/merge-patch+json"}, kTimeout,
               [this, sent = wanted_, alive = std::weak_ptr<bool>(alive_)](const http::Answer& answer) {
                   if (alive.lock()) label_answered(sent, answer);
               });
}

void Announcer::label_answered(PodRole sent, const http::Answer& answer) {
    sending_ = false;
    if (succeeded(answer)) {
        complained_of_label_ = false;
        if (sent != wanted_) return send_label();
        label_set_ = true;
        return settle();
    }
    if (sent != wanted_) return send_label();
    const bool refused = answer.failure == http::Failure::none && answer.status >= 400 && answer.status < 500;
    label_hopeless_ = refused && answer.status != 429;
    const Refusal refusal = api_->refusal_of(answer, {"patch", "", "pods", settings_.pod, settings_.pod_namespace});
    if (!std::exchange(complained_of_label_, true)) {
        log::warn("the label {} of pod {} does not say {} yet: {}", settings_.role_label, settings_.pod,
                  text_of(wanted_), refusal.detail);
    }
    if (label_hopeless_) label_pause_.at_least(Duration::max());  // somebody has to do something first
    retry_timer_->arm_in(std::max(label_pause_.next(), refusal.retry_after));
    if (label_hopeless_) settle();
}

void Announcer::when_pod_role_is_set(Duration limit, std::function<void()> done) {
    const bool nothing_to_wait_for =
        settings_.role_label.empty() || settings_.pod.empty() || label_set_ || label_hopeless_;
    waiting_ = std::move(done);
    limit_timer_->arm_in(nothing_to_wait_for ? Duration::zero() : limit);
}

void Announcer::settle() {
    limit_timer_->disarm();
    if (const auto done = std::exchange(waiting_, nullptr)) done();
}

}  // namespace leasehold::stores::kubernetes
