// SPDX-License-Identifier: Apache-2.0
#include "app/driver.h"

#include "base/clock.h"

namespace leasehold::app {
namespace {

std::int64_t wall_us() {
    using namespace std::chrono;
    return duration_cast<microseconds>(wall_now().time_since_epoch()).count();
}

std::string code_of(const election::WriteOutcome& outcome) {
    switch (outcome.status) {
        case election::WriteStatus::applied: return "ok";
        case election::WriteStatus::conflict: return "conflict";
        case election::WriteStatus::failed:
        case election::WriteStatus::unknown: break;
    }
    return outcome.reason;
}

// The lease changes hands: nobody runs until this is done. A renewal keeps its place, after a revocation.
const election::DoWrite* urgent(const election::Command& command) {
    const auto* write = std::get_if<election::DoWrite>(&command);
    return write != nullptr && write->purpose != election::WritePurpose::renew ? write : nullptr;
}

}  // namespace

Result<std::unique_ptr<Driver>> Driver::create(EventLoop& loop, stores::Store& store, election::Election election,
                                               Hooks hooks) {
    std::unique_ptr<Driver> driver(new Driver(store, std::move(election), std::move(hooks)));
    auto timer = Timer::create(loop, [raw = driver.get()] { raw->deliver(election::Tick{}); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    driver->timer_ = std::move(*timer);
    return driver;
}

void Driver::start() {
    store_.watch({.seen = [this](const election::Snapshot& snapshot) { deliver(election::WatchSeen{snapshot}); },
                  .broken =
                      [this](const std::string& reason) {
                          hooks_.watch_broken(reason);
                          deliver(election::WatchBroken{reason});
                      }});
    deliver(election::Tick{});
}

void Driver::deliver(election::Event event) {
    waiting_.push_back(std::move(event));
    if (delivering_) return;
    delivering_ = true;
    while (!waiting_.empty()) {
        const election::Step step = election_.step(now(), waiting_.front());
        waiting_.pop_front();
        // First what somebody waits for: to tell of it takes time.
        for (const election::Command& command : step.commands) {
            if (const auto* wanted = urgent(command)) write(*wanted);
        }
        for (const election::Command& command : step.commands) perform(command);
        for (const election::Command& command : step.commands) tell(command);
        timer_->arm_in(step.wake);
        hooks_.stepped();
    }
    delivering_ = false;
}

void Driver::perform(const election::Command& command) {
    if (const auto* wanted_read = std::get_if<election::DoRead>(&command)) read(*wanted_read);
    const auto* wanted_write = std::get_if<election::DoWrite>(&command);
    if (wanted_write != nullptr && urgent(command) == nullptr) write(*wanted_write);
    if (const auto* grant = std::get_if<election::Grant>(&command)) hooks_.grant(*grant);
    if (const auto* revoke = std::get_if<election::Revoke>(&command)) hooks_.revoke(*revoke);
}

void Driver::tell(const election::Command& command) {
    if (const auto* note = std::get_if<election::Note>(&command)) hooks_.note(*note);
    if (std::holds_alternative<election::Finished>(command)) hooks_.finished();  // the last one there is
}

void Driver::read(const election::DoRead& command) {
    const Instant sent = now();
    store_.read(command.timeout, [this, sent, id = command.id](election::ReadOutcome outcome) {
        const bool ok = outcome.status == election::ReadStatus::ok;
        hooks_.request("read", ok ? "ok" : outcome.reason, elapsed_at_most(sent, now()), outcome.detail);
        deliver(election::ReadDone{id, sent, std::move(outcome)});
    });
}

void Driver::write(const election::DoWrite& command) {
    stores::WriteRequest request{command.expect_absent, command.expected, command.record};
    const RecordTimes::Times times = times_.next(command.purpose == election::WritePurpose::acquire, wall_us());
    request.record.acquire_time_us = times.acquire_us;
    request.record.renew_time_us = times.renew_us;

    const bool extends = command.purpose != election::WritePurpose::release;
    const Instant sent = now();
    store_.write(std::move(request), command.timeout, [this, sent, extends, id = command.id](auto outcome) {
        const Duration took = elapsed_at_most(sent, now());
        hooks_.request("write", code_of(outcome), took, outcome.detail);
        if (extends && outcome.status == election::WriteStatus::applied) hooks_.renewed(sent, took);
        deliver(election::WriteDone{id, sent, std::move(outcome)});
    });
    // A record that is absent may have been made and deleted again since it was looked for, where nothing numbers it.
    const bool any_absence = command.expect_absent && command.expected.number == 0;
    const bool replaces = command.purpose == election::WritePurpose::acquire && !any_absence;
    if (replaces && hooks_.acquiring) hooks_.acquiring(command.term);
}

}  // namespace leasehold::app
