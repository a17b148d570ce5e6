// SPDX-License-Identifier: Apache-2.0
//
// Decisions in words: what the log, /status and the metrics say about each step of the election.
//
// Threads: the event loop's. Never blocks.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "election/core/events.h"
#include "metrics/endpoints.h"

namespace leasehold::app {

// One decision as a sentence, and how much attention it deserves.
struct Sentence {
    log::Level level = log::Level::info;
    std::string text;
    std::string topic = {};  // what it repeats; empty: always worth saying
};
Sentence describe(const election::Note& note, bool has_workload = true);

// The reason under which a decision counts as a loss of leadership; empty when it is none.
std::string loss_reason(election::Decision decision);

// The last decisions and the last errors, newest last. Repeats of the same error are kept once, and what is said about
// one topic again and again, while nothing else happens but other troubles, is said three times a minute, with a count.
class Journal {
public:
    void add(const Sentence& sentence);  // also writes it to the log
    void add_error(const std::string& text);

    std::vector<metrics::JournalEntry> entries() const { return {entries_.begin(), entries_.end()}; }
    std::vector<std::string> errors() const { return {errors_.begin(), errors_.end()}; }

private:
    std::deque<metrics::JournalEntry> entries_;
    std::deque<std::string> errors_;
    struct Topic {
        Instant said_at;
        int unsaid = 0;
    };
    std::map<std::string, Topic> topics_;  // since something happened that is always worth saying
};

}  // namespace leasehold::app
