// SPDX-License-Identifier: Apache-2.0
//
// What a candidate shows of itself in the cluster: Events about the lock object, and a label on its pod by which a
// Service can select the leader. Nothing waits for it, and nothing depends on it: what fails is logged once and, for
// the label, tried again, less and less often.
//
// Threads: the loop's. Never blocks. Ownership: the loop outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/growing_pause.h"
#include "base/result.h"
#include "election/stores/kubernetes/api.h"
#include "election/stores/kubernetes/lock_object.h"

namespace leasehold::stores::kubernetes {

struct AnnouncerSettings {
    ObjectName lock;
    // The version of the lock's object that was seen last: Events refer to it (kubernetes/kubernetes#28350, #44887).
    std::shared_ptr<const election::Version> seen;
    std::string identity;  // of the candidate
    bool events = true;
    std::string role_label;  // key of the pod's label; empty: none
    std::string pod;         // its name; empty: none
    std::string pod_namespace;
};

class Announcer {
public:
    static Result<std::unique_ptr<Announcer>> create(EventLoop& loop, std::shared_ptr<Api> api,
                                                     AnnouncerSettings settings);

    // An Event about the lock, in the words of client-go. It bears the time of the call, and is written a little later:
    // while the lease changes hands, a write of it would share the API server with the writes that somebody waits for.
    void became_leader() { announce("became leader"); }
    void stopped_leading() { announce("stopped leading"); }

    // For the end of the process, when all else is done: calls back once no Event is under way any more, or `limit` has
    // passed; never from inside the call.
    void when_events_are_sent(Duration limit, std::function<void()> done);

    // What the pod's label is to say. Tried again until it does, or something newer is wanted.
    enum class PodRole { standby, leader };
    void set_pod_role(PodRole role);

    // Calls back once the label says what it should, or cannot be set, or `limit` has passed, whichever comes first;
    // never from inside the call. For taking traffic away before the workload stops.
    void when_pod_role_is_set(Duration limit, std::function<void()> done);

private:
    Announcer(std::shared_ptr<Api> api, AnnouncerSettings settings)
        : api_(std::move(api)), settings_(std::move(settings)) {}
    void announce(const std::string& what);
    void send_events();
    void event_answered(const http::Answer& answer);
    bool all_events_are_sent() const { return events_under_way_ == 0 && events_to_send_.empty(); }
    void send_label();
    void label_answered(PodRole sent, const http::Answer& answer);
    void settle();

    const std::shared_ptr<Api> api_;
    const AnnouncerSettings settings_;
    const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::unique_ptr<Timer> retry_timer_;
    std::unique_ptr<Timer> limit_timer_;
    std::function<void()> waiting_;
    PodRole wanted_ = PodRole::standby;
    bool label_set_ = false;       // the label says `wanted_`
    bool label_hopeless_ = false;  // and will not: no such pod, no rights
    bool sending_ = false;
    bool complained_of_events_ = false;
    bool complained_of_label_ = false;
    GrowingPause label_pause_{std::chrono::seconds(2), std::chrono::seconds(60)};  // before the next attempt
    std::uint64_t events_made_ = 0;
    std::vector<std::string> events_to_send_;  // as JSON
    std::unique_ptr<Timer> event_timer_;
    int events_under_way_ = 0;
    std::unique_ptr<Timer> farewell_timer_;
    std::function<void()> farewell_;
};

}  // namespace leasehold::stores::kubernetes
