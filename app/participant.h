// SPDX-License-Identifier: Apache-2.0
//
// What every process that takes part in the election does, whatever it does with the leadership: it keeps the store,
// performs what the state machine asks for, keeps the journal and the metrics, and answers over HTTP. The agent of
// `leasehold run` adds the link to guardian and supervisor.
//
// Threads: the event loop's (a store may have more inside). Never blocks. The loop outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/driver.h"
#include "app/journal.h"
#include "base/event_loop.h"
#include "base/fd.h"
#include "config/options.h"
#include "election/stores/kubernetes/announcer.h"
#include "election/stores/store.h"
#include "metrics/endpoints.h"
#include "metrics/http_server.h"
#include "metrics/metrics.h"

namespace leasehold::app {

class Participant {
public:
    struct Settings {
        config::Options options;         // with the identity filled in
        std::string incarnation;         // unique to this start of leasehold
        std::uint64_t agent_number = 1;  // which process of the incarnation this is
        std::string lock_mark = {};      // of the lock that the term of an earlier agent is under; empty: any
        bool has_workload = true;        // changes only how decisions are worded
        std::vector<UniqueFd> listeners;
    };

    // What the owner does about the election's commands. Any of them may deliver() further events.
    struct Hooks {
        std::function<void(const election::Grant&)> grant;
        std::function<void(const election::Revoke&)> revoke;
        std::function<void(election::Term)> acquiring = {};  // see Driver::Hooks; may be empty
        std::function<void()> finished;
        std::function<void(const election::Note&)> noted;   // after journal and metrics have it; may be empty
        std::function<void()> stepped;                      // after every step of the election; may be empty
        std::function<void(metrics::StatusView&)> picture;  // adds what only the owner knows; may be empty
        std::function<void()> cannot_serve;                 // the endpoints, soon after create(); it was logged
    };

    // Opens the store; the election is not begun yet. The endpoints are served a moment later, see serve_http().
    static Result<std::unique_ptr<Participant>> create(EventLoop& loop, Settings settings, Hooks hooks);

    // Begins the election. Once.
    Result<void> start(const election::Past& past);
    bool started() const { return driver_ != nullptr; }

    void deliver(const election::Event& event) { driver_->deliver(event); }     // REQUIRES: started()
    const election::Election& election() const { return driver_->election(); }  // REQUIRES: started()
    bool tree_may_be_alive() const;                                             // REQUIRES: started()

    // As of this moment: leading is never said past the soft instant, whatever the loop has come to do. The metric of
    // it is brought up to the same moment.
    metrics::StatusView status();

    const config::Options& options() const { return settings_.options; }
    const std::string& incarnation() const { return settings_.incarnation; }
    metrics::Metrics& metrics() { return *metrics_; }

    // Tells those outside who look at the pod, where there are any. What serves them is to be there before it is said
    // and gone after it is unsaid: hide_role() calls back when it is, or cannot be, unsaid, within a second. At once
    // where there is no time for that: in a hurry, or when leadership was not given up but lost.
    void show_role(bool leader);
    void hide_role(const election::Revoke& revoked, bool hurry, std::function<void()> done);  // REQUIRES: started()
    Journal& journal() { return journal_; }

private:
    Participant(EventLoop& loop, Settings settings, Hooks hooks)
        : loop_(loop), settings_(std::move(settings)), hooks_(std::move(hooks)) {}

    Result<void> set_up();
    Result<void> serve_http_soon();
    void serve_http();
    Driver::Hooks driver_hooks();
    void note(const election::Note& note);
    void request_done(const char* operation, const std::string& code, Duration took, const std::string& detail);
    void watch_broken(const std::string& reason);
    void renewed(Instant sent, Duration took);
    void stepped();
    void notice_role();
    void finish();
    void take_leave();
    void tell_of_the_end();

    void describe_election(metrics::StatusView& view) const;  // REQUIRES: started(); participant_status.cpp

    EventLoop& loop_;
    Settings settings_;
    Hooks hooks_;
    Journal journal_;
    std::unique_ptr<metrics::Metrics> metrics_;
    std::unique_ptr<stores::Store> store_;
    std::unique_ptr<stores::kubernetes::Announcer> announcer_;
    std::unique_ptr<Driver> driver_;  // nothing before start()
    std::unique_ptr<Timer> http_timer_;
    std::unique_ptr<metrics::HttpServer> http_;
    bool store_answered_ = false;
    std::optional<election::Role> shown_role_;
    double role_since_ = 0;  // Unix time in seconds
    std::optional<metrics::EndedTerm> last_end_;
    bool told_to_end_ = false;   // while leading
    bool leaves_later_ = false;  // the lease was released because of that
    std::unique_ptr<Timer> leave_timer_;
    bool end_untold_ = false;  // of a term, to those who read Events
};

}  // namespace leasehold::app
