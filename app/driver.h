// SPDX-License-Identifier: Apache-2.0
//
// Performs what the election's state machine asks for: the store's requests with the instants at which they were sent,
// the watch, the timer; and hands everything else to its owner.
//
// Threads: the event loop's. Never blocks. Loop and store outlive the driver.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "app/record_times.h"
#include "base/event_loop.h"
#include "election/core/election.h"
#include "election/stores/store.h"

namespace leasehold::app {

class Driver {
public:
    struct Hooks {
        std::function<void(const election::Grant&)> grant;
        std::function<void(const election::Revoke&)> revoke;
        // A write was sent that begins this term if the register still is what it was. May be empty.
        std::function<void(election::Term)> acquiring = {};
        std::function<void(const election::Note&)> note;
        std::function<void()> finished;
        // A store request was answered: for metrics.
        std::function<void(const char* operation, const std::string& code, Duration took, const std::string& detail)>
            request;
        std::function<void(const std::string& reason)> watch_broken;  // as Store::Watcher has it
        // A write of ours that begins or extends the term was applied.
        std::function<void(Instant sent, Duration took)> renewed;
        std::function<void()> stepped;  // after every step, when everything it asked for was begun
    };

    static Result<std::unique_ptr<Driver>> create(EventLoop& loop, stores::Store& store, election::Election election,
                                                  Hooks hooks);

    // Opens the watch and takes the first step.
    void start();

    // May be called from inside a hook: the event comes after the step under way, and what that asks for, is done.
    void deliver(election::Event event);

    const election::Election& election() const { return election_; }

private:
    Driver(stores::Store& store, election::Election election, Hooks hooks)
        : store_(store), election_(std::move(election)), hooks_(std::move(hooks)) {}

    void perform(const election::Command& command);
    void tell(const election::Command& command);
    void read(const election::DoRead& command);
    void write(const election::DoWrite& command);

    stores::Store& store_;
    election::Election election_;
    Hooks hooks_;
    std::unique_ptr<Timer> timer_;
    std::deque<election::Event> waiting_;
    bool delivering_ = false;
    RecordTimes times_;
};

}  // namespace leasehold::app
