// SPDX-License-Identifier: Apache-2.0
#include "scenario_words.h"

#include <cmath>
#include <sstream>
#include <stdexcept>

#include "base/duration_text.h"

namespace leasehold::election {
namespace {

const char* name_of(WritePurpose purpose) {
    switch (purpose) {
        case WritePurpose::acquire: return "acquire";
        case WritePurpose::renew: return "renew";
        case WritePurpose::release: return "release";
    }
    return "?";
}

const char* name_of(Decision decision) {
    switch (decision) {
        case Decision::waiting_for_holder: return "waiting_for_holder";
        case Decision::waiting_for_preferred: return "waiting_for_preferred";
        case Decision::waiting_first_record: return "waiting_first_record";
        case Decision::waiting_unknown_past: return "waiting_unknown_past";
        case Decision::waiting_unreadable: return "waiting_unreadable";
        case Decision::attempting: return "attempting";
        case Decision::attempt_lost: return "attempt_lost";
        case Decision::attempt_failed: return "attempt_failed";
        case Decision::acquired: return "acquired";
        case Decision::renew_failed: return "renew_failed";
        case Decision::rewriting: return "rewriting";
        case Decision::lost_deadline: return "lost_deadline";
        case Decision::lost_other_holder: return "lost_other_holder";
        case Decision::stopping_on_request: return "stopping_on_request";
        case Decision::resigning: return "resigning";
        case Decision::yielding: return "yielding";
        case Decision::workload_ended: return "workload_ended";
        case Decision::released: return "released";
        case Decision::release_abandoned: return "release_abandoned";
    }
    return "?";
}

std::string version_text(const Version& version) {
    return std::to_string(version.number) + (version.tag.empty() ? "" : '/' + version.tag);
}

// What goes without saying is left out: holder, incarnation, duration, and a release mark on releases only.
std::string oddities(const DoWrite& write, const Settings& settings) {
    std::string text;
    if (write.record.holder != settings.identity) text += " holder=" + write.record.holder;
    if (write.record.incarnation != settings.incarnation) text += " incarnation=" + write.record.incarnation;
    if (write.record.lease_duration != settings.timing.lease_duration) {
        text += " duration=" + to_rounded_text(write.record.lease_duration);
    }
    if (!write.record.successor.empty()) text += " successor=" + write.record.successor;
    if (write.record.released != (write.purpose == WritePurpose::release)) text += " WRONG RELEASE MARK";
    return text;
}

std::string write_text(const DoWrite& write, const Settings& settings) {
    return std::string(name_of(write.purpose)) + " over " +
           (write.expect_absent ? "nothing" : version_text(write.expected)) + " id=" + write.record.write_id +
           " transitions=" + std::to_string(write.record.transitions) + oddities(write, settings) + " within " +
           to_rounded_text(write.timeout);
}

std::string grant_text(const Grant& grant, Instant origin) {
    return "grant term=" + std::to_string(grant.term) + " token=" + std::to_string(grant.token) +
           " transitions=" + std::to_string(grant.transitions) + " soft=" + told(grant.soft, origin) +
           " hard=" + told(grant.hard, origin);
}

std::string note_text(const Note& note) {
    std::string text = std::string("note ") + name_of(note.decision);
    if (note.wait > Duration::zero()) text += " wait=" + to_rounded_text(note.wait);
    if (!note.detail.empty()) text += ": " + note.detail;
    return text;
}

}  // namespace

Duration parse_duration(const std::string& text) {
    static const std::map<std::string, double> kUnits = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                                         {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
    Duration sum{};
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t unit_at = text.find_first_not_of("0123456789.", at);
        const std::size_t next = text.find_first_of("0123456789.", std::min(unit_at, text.size()));
        const auto unit =
            unit_at == std::string::npos ? kUnits.end() : kUnits.find(text.substr(unit_at, next - unit_at));
        if (unit == kUnits.end() || unit_at == at) throw std::runtime_error("not a duration: " + text);
        sum += Duration(std::llround(std::stod(text.substr(at, unit_at - at)) * unit->second));
        at = std::min(next, text.size());
    }
    if (text.empty()) throw std::runtime_error("a duration is missing");
    return sum;
}

Words::Words(const std::string& line) {
    std::istringstream in(line);
    for (std::string word; in >> word;) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) {
            plain_.push_back(word);
        } else if (!keyed_.emplace(word.substr(0, equals), word.substr(equals + 1)).second) {
            throw std::runtime_error("said twice: " + word);
        }
    }
}

std::optional<std::string> Words::next() {
    if (plain_.empty()) return std::nullopt;
    std::string word = plain_.front();
    plain_.erase(plain_.begin());
    return word;
}

std::string Words::need(const std::string& what) {
    auto word = next();
    if (!word) throw std::runtime_error("missing: " + what);
    return *word;
}

bool Words::peek(const std::string& word) const { return !plain_.empty() && plain_.front() == word; }

bool Words::flag(const std::string& word) { return std::erase(plain_, word) > 0; }

std::string Words::rest() {
    std::string all;
    while (auto word = next()) all += (all.empty() ? "" : " ") + *word;
    return all;
}

std::string Words::text(const std::string& key, const std::string& fallback) {
    const auto node = keyed_.extract(key);
    return node.empty() ? fallback : node.mapped();
}

Duration Words::duration(const std::string& key, Duration fallback) {
    const auto node = keyed_.extract(key);
    return node.empty() ? fallback : parse_duration(node.mapped());
}

std::uint64_t Words::number(const std::string& key, std::uint64_t fallback) {
    const auto node = keyed_.extract(key);
    return node.empty() ? fallback : std::stoull(node.mapped());
}

void Words::done() const {
    if (!plain_.empty()) throw std::runtime_error("not understood: " + plain_.front());
    if (!keyed_.empty()) throw std::runtime_error("not understood: " + keyed_.begin()->first);
}

Snapshot parse_snapshot(Words& words, const Settings& settings) {
    const std::string kind = words.need("present, ours, absent, vacated or unreadable");
    Snapshot snapshot;
    Record& record = snapshot.record;
    snapshot.version = {words.number("version", 0), words.text("tag")};
    snapshot.rolled_back = words.flag("rolled_back");
    snapshot.preferred_holder = words.text("preferred");
    if (kind == "present" || kind == "ours") {
        const bool ours = kind == "ours";
        snapshot.presence = Presence::present;
        record.released = words.flag("released");
        record.successor = words.text("successor");
        record.holder = words.text("holder", ours ? settings.identity : "");
        record.incarnation = words.text("incarnation", ours ? settings.incarnation : "");
        record.lease_duration = words.duration("duration", settings.timing.lease_duration);
        record.transitions = words.number("transitions", 0);
        record.write_id = words.text("id");
        snapshot.never_written = words.flag("never_written");
    } else if (kind == "vacated") {
        snapshot.presence = Presence::vacated;
        snapshot.never_written = words.flag("never_written");
        record.lease_duration = words.duration("duration", Duration::zero());
    } else if (kind == "unreadable") {
        snapshot.presence = Presence::unreadable;
        snapshot.problem = words.rest();
    } else if (kind == "absent") {
        snapshot.never_written = words.flag("never_written");
    } else {
        throw std::runtime_error("not a state of the register: " + kind);
    }
    return snapshot;
}

const char* name_of(Role role) {
    switch (role) {
        case Role::standby: return "standby";
        case Role::leader: return "leader";
        case Role::stopping: return "stopping";
        case Role::releasing: return "releasing";
        case Role::finished: return "finished";
    }
    return "?";
}

std::string told(Instant at, Instant origin) {
    const std::string boot = to_rounded_text(at.boot - origin.boot);
    const std::string raw = to_rounded_text(at.raw - origin.raw);
    return boot == raw ? boot : "boot:" + boot + ",raw:" + raw;
}

std::string told(const Command& command, const Settings& settings, Instant origin) {
    if (const auto* read = std::get_if<DoRead>(&command)) return "read within " + to_rounded_text(read->timeout);
    if (const auto* write = std::get_if<DoWrite>(&command)) return write_text(*write, settings);
    if (const auto* grant = std::get_if<Grant>(&command)) return grant_text(*grant, origin);
    if (const auto* revoke = std::get_if<Revoke>(&command)) {
        return "revoke term=" + std::to_string(revoke->term) +
               (revoke->mode == RevokeMode::kill ? " kill" : " orderly");
    }
    if (const auto* note = std::get_if<Note>(&command)) return note_text(*note);
    return "finished";
}

}  // namespace leasehold::election
