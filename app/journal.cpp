// SPDX-License-Identifier: Apache-2.0
#include "app/journal.h"

#include "base/clock.h"
#include "base/duration_text.h"

namespace leasehold::app {
namespace {

constexpr std::size_t kEntriesKept = 50;
constexpr std::size_t kErrorsKept = 10;
constexpr std::size_t kTopicsKept = 16;
constexpr Duration kQuietPeriod = std::chrono::seconds(20);

// A store that refuses is asked many times a second: one line for each kind of refusal will do.
std::string topic_of(const election::Note& note) {
    return std::to_string(static_cast<int>(note.decision)) + note.detail.substr(0, note.detail.find(':'));
}

Sentence describe_waiting(const election::Note& note) {
    using election::Decision;
    const std::string wait = to_rounded_text(note.wait);
    switch (note.decision) {
        case Decision::waiting_for_holder:
            return {log::Level::info,
                    fmt::format("standby: {} holds the lease; it is free once {} pass without a renewal", note.detail,
                                wait)};
        case Decision::waiting_for_preferred:
            return {log::Level::info, fmt::format("standby: the lease is released, and meant for {}; free for others "
                                                  "after {}",
                                                  note.detail, wait)};
        case Decision::waiting_first_record:
            return {log::Level::warn, fmt::format("standby: {}, so somebody may still be running: waiting {}. A first "
                                                  "start does not wait when the record was made beforehand with "
                                                  "'leasehold init'",
                                                  note.detail, wait)};
        case Decision::waiting_unknown_past:
            return {log::Level::warn,
                    fmt::format("standby: {}, so somebody may still be running: waiting {}", note.detail, wait)};
        default:
            return {log::Level::error,
                    fmt::format("standby: the record cannot be understood and counts as held: {}. When nobody runs the "
                                "workload any more, remove the record and run 'leasehold init'",
                                note.detail)};
    }
}

}  // namespace

Sentence describe(const election::Note& note, bool has_workload) {
    using election::Decision;
    const auto& [decision, term, detail, wait] = note;
    const auto either = [has_workload](const char* with, const char* without) -> std::string {
        return has_workload ? with : without;
    };
    switch (decision) {
        case Decision::waiting_for_holder:
        case Decision::waiting_for_preferred:
        case Decision::waiting_first_record:
        case Decision::waiting_unknown_past:
        case Decision::waiting_unreadable: return describe_waiting(note);
        case Decision::attempting: return {log::Level::debug, "standby: the lease is free, trying to acquire it"};
        case Decision::attempt_lost: return {log::Level::info, "standby: another candidate was faster"};
        case Decision::attempt_failed:
            return {log::Level::warn, fmt::format("standby: could not acquire the lease, trying again: {}", detail),
                    topic_of(note)};
        case Decision::acquired: return {log::Level::info, fmt::format("leader: acquired the lease, term {}", term)};
        case Decision::renew_failed:
            return {log::Level::warn, fmt::format("a write to the store failed and is tried again: {}", detail),
                    topic_of(note)};
        case Decision::rewriting:
            return {log::Level::warn,
                    fmt::format("leader: the record was deleted, emptied, damaged or restored by someone; writing it "
                                "again{}{}",
                                detail.empty() ? "" : ": ", detail),
                    "rewriting"};
        case Decision::lost_deadline:
            return {log::Level::error, "leader: could not renew the lease before the renew deadline; " +
                                           either("stopping the workload", "leading no longer")};
        case Decision::lost_other_holder:
            return {log::Level::error, fmt::format("leader: {} holds the lease now; {}", detail,
                                                   either("killing the workload at once", "leading no longer"))};
        case Decision::stopping_on_request:
            return {log::Level::info,
                    "leader: asked to stop; " +
                        either("stopping the workload, then releasing the lease", "releasing the lease")};
        case Decision::resigning:
            return {log::Level::info,
                    fmt::format("leader: asked to resign{}; {}", detail.empty() ? "" : " in favour of " + detail,
                                either("stopping the workload, then releasing the lease", "releasing the lease"))};
        case Decision::yielding:
            return {log::Level::info, fmt::format("leader: {} is to hold the lease; {}", detail,
                                                  either("stopping the workload, then releasing it", "releasing it"))};
        case Decision::workload_ended: return {log::Level::info, "leader: the workload is gone; releasing the lease"};
        case Decision::released: return {log::Level::info, "released the lease"};
        case Decision::release_abandoned:
            return {log::Level::warn,
                    fmt::format("the lease could not be released, others wait until it runs out: {}", detail)};
    }
    return {log::Level::info, "unknown decision"};
}

std::string loss_reason(election::Decision decision) {
    using election::Decision;
    switch (decision) {
        case Decision::lost_deadline: return "deadline";
        case Decision::lost_other_holder: return "other_holder";
        case Decision::stopping_on_request:
        case Decision::resigning: return "requested";
        case Decision::yielding: return "yielded";
        case Decision::workload_ended: return "workload_ended";
        default: return {};
    }
}

void Journal::add(const Sentence& sentence) {
    if (sentence.level == log::Level::debug) return log::debug("{}", sentence.text);
    std::string text = sentence.text;
    if (sentence.topic.empty() || topics_.size() > kTopicsKept) topics_.clear();
    if (!sentence.topic.empty()) {
        const Instant at = now();
        const auto [known, is_new] = topics_.try_emplace(sentence.topic, Topic{at});
        Topic& topic = known->second;
        if (!is_new && elapsed_at_most(topic.said_at, at) < kQuietPeriod) {
            ++topic.unsaid;
            return;
        }
        if (topic.unsaid > 0)
            text += fmt::format(" (and {} before this)",
                                topic.unsaid == 1 ? "once" : fmt::format("{} times", topic.unsaid));
        topic = Topic{at};
    }
    if (log::enabled(sentence.level)) log::write(sentence.level, text);
    const std::chrono::duration<double> since_epoch = wall_now().time_since_epoch();
    entries_.push_back({since_epoch.count(), std::move(text)});
    if (entries_.size() > kEntriesKept) entries_.pop_front();
}

void Journal::add_error(const std::string& text) {
    if (!errors_.empty() && errors_.back() == text) return;
    errors_.push_back(text);
    if (errors_.size() > kErrorsKept) errors_.pop_front();
}

}  // namespace leasehold::app
