// SPDX-License-Identifier: Apache-2.0
#include "promises.h"

#include <algorithm>

#include "election/core/election.h"
#include "election/stores/json_fields.h"
#include "fuzz.h"

namespace leasehold::fuzz {
namespace {

using election::DoRead;
using election::DoWrite;
using election::Election;
using election::Presence;
using election::Record;
using election::Snapshot;
using std::chrono::seconds;

constexpr Instant kStart{seconds(1000), seconds(1000)};

void check_form(const Snapshot& snapshot) {
    const Record& record = snapshot.record;
    const bool unreadable = snapshot.presence == Presence::unreadable;
    require(unreadable != snapshot.problem.empty(), "what cannot be understood says why, and nothing else does");
    require(is_line(snapshot.problem), "why a record cannot be understood is one printable line");
    if (unreadable) require(record == Record(), "of what cannot be understood nothing is believed");
    if (snapshot.presence != Presence::present) {
        require(!record.released, "nothing but a record that is there is free");
        return;
    }
    require(record.released || !record.holder.empty(), "a record that nobody released has a holder");
    require(record.lease_duration > Duration::zero(), "a record that is there has a duration");
    require(record.lease_duration <= stores::kLongestLease, "nobody waits for ever");
    require(record.successor.empty() || record.released, "a successor is named in a release only");
    require(!snapshot.never_written || record.released, "a record that nobody ever held is free");
}

Election a_candidate() {
    election::Settings settings;
    settings.identity = "fuzz_1";
    settings.incarnation = "an incarnation of nobody else";
    settings.timing.lease_duration = seconds(15);
    settings.timing.renew_deadline = seconds(10);
    settings.timing.retry_period = seconds(2);
    return Election(settings, {}, kStart);
}

// The same answer to every read, at these seconds after the start. When it first wants to write, in seconds; -1: never.
int first_write(const Snapshot& snapshot, int last) {
    Election candidate = a_candidate();
    for (int second = 0; second <= last; second += second < 40 ? 1 : 4000) {
        const Instant now = kStart + seconds(second);
        election::Step step = candidate.step(now, election::Tick{});
        for (int rounds = 0; rounds < 4; ++rounds) {
            std::optional<DoRead> read;
            for (const election::Command& command : step.commands) {
                if (std::holds_alternative<DoWrite>(command)) return second;
                if (const auto* wanted = std::get_if<DoRead>(&command)) read = *wanted;
            }
            if (!read) break;
            step = candidate.step(now,
                                  election::ReadDone{read->id, now, {election::ReadStatus::ok, snapshot, "", "", {}}});
        }
    }
    return -1;
}

bool bears_release_mark(std::string_view text) {
    const auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("holderIdentity") || !json["holderIdentity"].is_string()) return false;
    if (!json.contains("leaseDurationSeconds") || !json["leaseDurationSeconds"].is_number_unsigned()) return false;
    if (!json.contains("leasehold")) return json["holderIdentity"] == "" && json["leaseDurationSeconds"] == 1;
    const auto& ours = json["leasehold"];
    return ours.is_object() && ours.value("format", nlohmann::json()) == 1 && ours.contains("released") &&
           ours["released"].is_boolean() && ours["released"].get<bool>();
}

}  // namespace

void check_record_text(std::string_view text, const Snapshot& snapshot) {
    check_snapshot(snapshot);
    if (snapshot.record.released) require(bears_release_mark(text), "only what bears a release mark is free");
    const auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() && !text.empty()) {
        require(snapshot.presence == Presence::unreadable, "what is no record cannot be understood");
    }
}

void check_snapshot(const Snapshot& snapshot) {
    check_form(snapshot);
    const int written = first_write(snapshot, 86400);
    if (snapshot.presence == Presence::unreadable) {
        require(written == -1, "what cannot be understood is held and never free");
        return;
    }
    if (written == -1) return;
    const bool free = (snapshot.presence == Presence::present && snapshot.record.released) || snapshot.never_written;
    const Duration held = snapshot.presence == Presence::present ? snapshot.record.lease_duration : seconds(15);
    if (!free) require(seconds(written) >= held, "a lease is not tried before its duration has passed");
}

}  // namespace leasehold::fuzz
