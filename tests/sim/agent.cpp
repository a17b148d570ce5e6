// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "tests/sim/candidate.h"
#include "tests/sim/checkers.h"

namespace leasehold::sim {

using election::DoRead;
using election::DoWrite;
using election::ReadDone;
using election::ReadOutcome;
using election::ReadStatus;
using election::WriteDone;
using election::WriteOutcome;
using election::WriteStatus;

void Page::publish(const supervisor::TermGrant& next) {
    if (next.term != grant.term) {
        grant = next;
    } else {
        grant.soft = later_of(grant.soft, next.soft);
        grant.hard = later_of(grant.hard, next.hard);
    }
}

Agent::Agent(Candidate& home)
    : home_(home),
      context_(home.context()),
      process_(home.context(), home.clocks(), [this] { step(election::Tick{}); }),
      beats_(home.context(), home.clocks(), process_, [this] { beat(); }),
      to_supervisor_(home.context()),
      to_guardian_(home.context()) {}

void Agent::launch() {
    process_.start();
    core_.reset();
    number_ = home_.guardian().next_agent_number();
    stop_asked_ = finished_ = guardian_gone_ = complained_ = false;
    connected_.reset();
    pulse_ = {};
    read_.reset();
    write_.reset();
    grant_.reset();
    revoke_.reset();
    context_.trace.note(home_.index(), "agent", number_, "of", home_.incarnation());
    to_supervisor_.send(home_.supervisor().process(), [this] { home_.supervisor().hear_new_agent(); });
    if (home_.supervisor().process().alive()) connect_supervisor(home_.supervisor().process().life());
    beat();
}

void Agent::crash() {
    process_.kill();
    core_.reset();
    home_.store().unwatch(home_.index());
    context_.trace.note(home_.index(), "agent ends");
}

void Agent::ask_to_stop() {
    if (stop_asked_) return;
    stop_asked_ = true;
    if (core_) step(election::StopRequested{});
}

void Agent::ask_to_resign(const std::string& successor) {
    process_.deliver([this, successor] {
        if (core_) step(election::ResignRequested{successor});
    });
}

// A published term that the supervisor has not closed is running, whether or not its grant has arrived: it is granted
// again, and ends only by being revoked.
void Agent::hear_hello(supervisor::Term closed_through, bool stopping) {
    if (finished_) return;
    if (core_) {
        step(election::Candidacy{true});
        if (!grant_) return;
        if (grant_->term <= closed_through) {
            step(election::TreeEmpty{grant_->term});
        } else if (revoke_) {
            forward_revoke();
        } else {
            forward_grant();
        }
        return;
    }
    const Page& page = home_.page();
    election::Past past{page.grant.term, page.last_version, {}};
    if (page.grant.term > closed_through) {
        grant_ = election::Grant{page.grant.term, page.grant.token, page.grant.transitions, page.grant.soft,
                                 page.grant.hard};
        past.running = election::Past::Running{*grant_, stopping, home_.longest_lease()};
        forward_grant();
    }
    core_ = make_core(context_.profile.breakage,
                      {home_.identity(), home_.incarnation(), number_, home_.timing(), context_.random.next()}, past,
                      home_.now());
    context_.trace.note(home_.index(), "election begins, last term", page.grant.term,
                        past.running ? "which is running" : "");
    open_watch();
    step(election::Tick{});
    if (stop_asked_) step(election::StopRequested{});
}

void Agent::hear_empty(supervisor::Term term) {
    if (core_) step(election::TreeEmpty{term});
}

// ---- whether the others are there ---------------------------------------------------------------------------------

void Agent::connect_supervisor(std::uint64_t life) {
    connected_ = life;
    pulse_.restart();
    complained_ = false;
}

void Agent::lose_supervisor(std::uint64_t life) {
    if (connected_ != life) return;
    connected_.reset();
    if (core_) step(election::Candidacy{false});
    if (finished_ || !guardian_gone_) return;
    const bool tree_may_be_alive = core_ && (core_->election().role() == election::Role::leader ||
                                             core_->election().role() == election::Role::stopping);
    if (!core_ || tree_may_be_alive) leave_unreleased();
}

void Agent::lose_guardian() {
    guardian_gone_ = true;
    ask_to_stop();
    if (!finished_ && !connected_) leave_unreleased();
}

// With guardian and supervisor gone nobody can prove anything any more.
void Agent::leave_unreleased() {
    crash();
    home_.down_if_done();
}

bool Agent::silence() const { return pulse_.silent() && context_.profile.breakage != Breakage::silence_unnoticed; }

void Agent::beat() {
    ++home_.page().beats;
    const Duration deadline = home_.timing().renew_deadline;
    const bool leading = core_ && core_->election().grant();
    const Duration period = leading ? deadline / (2 * supervisor::Pulse::kPatience) : deadline / 2;
    beats_.arm(std::max<Duration>(period, std::chrono::milliseconds(10)));
    if (!connected_) return;
    if (silence() && !complained_) {
        complained_ = true;
        context_.trace.note(home_.index(), "the supervisor does not answer");
        to_guardian_.send(home_.guardian().process(), [this] { home_.guardian().hear_of_silence(); });
    }
    to_supervisor_.send(home_.supervisor().process(),
                        [this, number = pulse_.ask()] { home_.supervisor().hear_ping(number); });
}

void Agent::hear_pong(std::uint64_t number) {
    pulse_.answered(number);
    if (!pulse_.silent()) complained_ = false;
}

// ---- the election -------------------------------------------------------------------------------------------------

void Agent::open_watch() {
    const auto life = process_.life();
    home_.store().watch(home_.index(), {[this, life](const election::Snapshot& snapshot) {
                                            if (life != process_.life()) return;
                                            process_.deliver([this, snapshot] { step(election::WatchSeen{snapshot}); });
                                        },
                                        [this, life](const std::string& reason) {
                                            if (life != process_.life()) return;
                                            process_.deliver([this, reason] { step(election::WatchBroken{reason}); });
                                        }});
}

void Agent::step(const election::Event& event) {
    if (!core_) return;
    if (std::holds_alternative<election::Tick>(event)) check_repeated_ticks();
    const election::Step step = core_->step(home_.now(), event);
    home_.page().last_version = core_->election().last_version();
    for (const auto& command : step.commands) {
        std::visit([this](const auto& what) { perform(what); }, command);
    }
    if (finished_) {
        crash();  // its process ends in order
        home_.down_if_done();
        return;
    }
    process_.arm(step.wake);
}

void Agent::check_repeated_ticks() {
    constexpr int kTooOften = 20;
    repeated_ = repeated_at_ == context_.time.now() ? repeated_ + 1 : 0;
    repeated_at_ = context_.time.now();
    if (repeated_ > kTooOften) throw Violation("the election spins: it wants to be called again and again at once");
}

void Agent::perform(const DoRead& command) {
    if (command.timeout <= Duration{}) throw Violation("a read without any time to answer");
    read_ = command.id;
    const Instant sent = home_.now();
    const auto answer = [this, id = command.id, sent, life = process_.life()](const ReadOutcome& outcome) {
        if (life != process_.life()) return;
        process_.deliver([this, id, sent, outcome] {
            if (read_ != id) return;
            read_.reset();
            context_.trace.note(home_.index(), "read", outcome.status == ReadStatus::ok ? "version" : "failed",
                                outcome.snapshot.version.number);
            step(ReadDone{id, sent, outcome});
        });
    };
    home_.store().read(home_.index(), answer);
    context_.time.after(home_.clocks().true_length(command.timeout), [answer] {
        answer({ReadStatus::failed, {}, "timeout", "no answer in time"});
    });
}

void Agent::perform(const DoWrite& command) {
    if (command.timeout <= Duration{}) throw Violation("a write without any time to answer");
    if (write_) throw Violation("a second write while one is under way");
    write_ = command.id;
    context_.trace.note(home_.index(), "writes", command.record.write_id,
                        command.purpose == election::WritePurpose::acquire ? "acquire"
                        : command.purpose == election::WritePurpose::renew ? "renew"
                                                                           : "release",
                        command.expect_absent ? "expecting absence" : "expecting", command.expected.number);
    const Instant sent = home_.now();
    const auto answer = [this, id = command.id, sent, life = process_.life()](const WriteOutcome& outcome) {
        if (life != process_.life()) return;
        process_.deliver([this, id, sent, outcome] {
            if (write_ != id) return;
            write_.reset();
            constexpr std::string_view kNames[] = {"applied", "conflict", "failed", "unknown"};
            context_.trace.note(home_.index(), "write", kNames[static_cast<std::size_t>(outcome.status)],
                                outcome.version.number);
            step(WriteDone{id, sent, outcome});
        });
    };
    home_.store().write(home_.index(), command, answer);
    context_.time.after(home_.clocks().true_length(command.timeout), [answer] {
        answer({WriteStatus::unknown, {}, "timeout", "no answer in time"});
    });
}

void Agent::perform(const election::Grant& command) {
    if (!grant_ || grant_->term != command.term) {
        revoke_.reset();
        home_.checkers().granted(home_, command);
    }
    grant_ = command;
    const bool first = home_.page().grant.term != command.term;
    if (silence() && !first) return;
    forward_grant();
    if (first) beat();
}

void Agent::forward_grant() {
    const supervisor::TermGrant grant{grant_->term, grant_->token, grant_->transitions, grant_->soft, grant_->hard};
    home_.page().publish(grant);
    to_supervisor_.send(home_.supervisor().process(), [this, grant] { home_.supervisor().hear_grant(grant); });
}

void Agent::perform(const election::Revoke& command) {
    context_.trace.note(home_.index(), "revoke term", command.term,
                        command.mode == election::RevokeMode::kill ? "kill" : "orderly");
    revoke_ = command;
    forward_revoke();
}

void Agent::forward_revoke() {
    const auto mode =
        revoke_->mode == election::RevokeMode::kill ? supervisor::StopMode::kill : supervisor::StopMode::orderly;
    to_supervisor_.send(home_.supervisor().process(),
                        [this, term = revoke_->term, mode] { home_.supervisor().hear_revoke(term, mode); });
}

void Agent::perform(const election::Finished&) {
    finished_ = true;
    context_.trace.note(home_.index(), "election finished");
}

void Agent::perform(const election::Note& command) {
    constexpr std::string_view kNames[] = {"waiting for holder", "waiting, unknown past", "waiting, unreadable"};
    const auto decision = static_cast<std::size_t>(command.decision);
    context_.trace.note(home_.index(), "note", decision < std::size(kNames) ? kNames[decision] : "decision", decision,
                        "term", command.term, command.detail, command.wait);
}

}  // namespace leasehold::sim
