// SPDX-License-Identifier: Apache-2.0
//
// What is executed while no term runs: the standby command; and the helpers, which run beside it, beside the workload,
// or alone: the commands of workload.candidacy and of workload.hooks.on_new_leader.
#include <algorithm>
#include <csignal>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/process_tree.h"
#include "supervisor/supervisor.h"

namespace leasehold::supervisor {
namespace {

using Phase = TermMachine::Phase;
using StandbyPhase = StandbyMachine::Phase;
using State = StandbyMessage::State;

constexpr int kStandbyCannotExecute = 126;
constexpr Duration kNoDeadline = std::chrono::hours(24 * 365 * 10);
constexpr Duration kTryPlaceAgain = std::chrono::milliseconds(100);
constexpr Duration kTryPlaceLater = std::chrono::seconds(1);  // while nothing but an event can make a place

bool same(const StandbyMessage& a, const StandbyMessage& b) {
    return a.state == b.state && a.pid == b.pid && a.has_ended == b.has_ended && a.exit_status == b.exit_status &&
           a.starts == b.starts;
}

}  // namespace

Result<void> Supervisor::prepare_standby() {
    auto timer = Timer::create(*loop_, [this] { on_standby_timer(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    standby_.timer = std::move(*timer);
    change_candidacy(spec_.workload.candidacy);
    return {};
}

// ---- what others say ------------------------------------------------------------------------------------------------

void Supervisor::hear_standing(const StandingMessage& standing) {
    standby_.standing = standing.standby;
    const auto end = std::find(standing.leader.begin(), standing.leader.end(), '\0');
    const std::string leader(standing.leader.begin(), end);
    if (leader.empty() || leader == standby_.leader) return;
    standby_.leader = leader;
    if (standing.news && !spec_.workload.hooks.on_new_leader.empty()) standby_.hook.wanted(leader);
}

// A new agent knows nothing of what an earlier one was told.
void Supervisor::welcome_agent_to_standby() {
    if (standby_.candidacy) standby_.candidacy->begin_anew(now());
    StandbyMessage again = standby_.told;
    again.repeated = true;
    tell_agent(again);
}

void Supervisor::change_candidacy(const ProbeOptions& wanted) {
    if (standby_.candidacy && wanted == spec_.workload.candidacy) return;
    if (standby_.candidacy) standby_.candidacy->end();
    standby_.candidacy.reset();
    spec_.workload.candidacy = wanted;
    if (wanted.exec.empty()) return;
    standby_.candidacy.emplace(wanted, std::random_device{}(),
                               [this] { return spawn_helper(spec_.workload.candidacy.exec, {}); });
    standby_.candidacy->begin(now());
}

Result<Spawned> Supervisor::spawn_leader_hook(const std::string& leader) {
    if (spec_.workload.hooks.on_new_leader.empty()) return failure("there is none any more", ENOENT);
    return spawn_helper(spec_.workload.hooks.on_new_leader,
                        {{"LEASEHOLD_HOOK", "on_new_leader"}, {"LEASEHOLD_LEADER", leader}});
}

// ---- the standby command --------------------------------------------------------------------------------------------

StandbyMachine::Want Supervisor::wanted_of_standby() const {
    if (!machine_.accepts_terms() || tree_ || machine_.phase() != Phase::idle) return StandbyMachine::Want::leave;
    const bool is_given = !spec_.workload.standby_command.empty();
    return standby_.standing && is_given ? StandbyMachine::Want::run : StandbyMachine::Want::stay;
}

// After every event. A term that ends while its workload waits for the standby tree to go is over as soon as nothing of
// an earlier run is left: nothing of its own was ever alive.
void Supervisor::mind_standby() {
    const Instant at = now();
    const bool waited_for = tree_ && tree_->waiting && standby_.machine.alive();
    if (waited_for && reached_on_any_clock(machine_.grant().hard, at)) standby_.machine.hurry();
    for (bool more = true; more;) {
        switch (standby_.machine.next(at, wanted_of_standby())) {
            case StandbyMachine::Act::nothing: more = false; break;
            case StandbyMachine::Act::start: start_standby(); break;
            case StandbyMachine::Act::ask_to_stop: ask_standby_to_stop(); break;
            case StandbyMachine::Act::dismiss: withdraw_helpers(at); break;
            case StandbyMachine::Act::kill: kill_standby(); break;
        }
    }
    mind_helpers(at);
    const bool still_to_start = machine_.phase() == Phase::preparing || machine_.phase() == Phase::running;
    if (waited_for && (!still_to_start || reached_on_any_clock(machine_.grant().hard, at))) {
        start_when_clear();
    }
    arm_standby_timer(now());
    tell_of_standby();
}

void Supervisor::start_standby() {
    page_->set_standby_populated(true);  // before anything can be alive
    standby_.outcome.reset();
    standby_.failed_start = false;
    ++standby_.starts;
    standby_.name = spec_.workload.standby_command.front();
    const Executable executable(spec_.workload.standby_command, environment_of(spec_.workload, told_as_standby(spec_)));
    SpawnSettings settings = as_configured();
    settings.foreground = terminal_.is_at_home();
    settings.purpose = Purpose::standby;
    settings.output = captured_.output.get();
    settings.errors = captured_.errors.get();
    auto spawned = spawn(executable, *containment_, now() + kNoDeadline, settings);
    if (!spawned) {
        log::error("the standby command cannot be started: {}", spawned.error().message);
        standby_.status = kStandbyCannotExecute;
        standby_.outcome = SpawnOutcome{SpawnOutcome::Kind::failed, spawned.error().code};
        standby_.failed_start = true;
        standby_.machine.on_main_ended(now());
        standby_.machine.hurry();
        return;
    }
    standby_.spawned = std::move(*spawned);
    standby_.main = standby_.spawned.pid;
    auto watched = loop_->watch(standby_.spawned.progress.get(), EPOLLIN, [this](std::uint32_t) {
        learn_standby_outcome();
        settle();
    });
    if (!watched) log::error("cannot watch the start of the standby command: {}", watched.error().message);
    watch_containment();
}

void Supervisor::learn_standby_outcome() {
    if (standby_.outcome || !standby_.spawned.progress) return;
    standby_.outcome = outcome_of(standby_.spawned);
    if (!standby_.outcome) return;
    loop_->unwatch(standby_.spawned.progress.get());
    standby_.spawned.progress.reset();
    const SpawnOutcome& outcome = *standby_.outcome;
    switch (outcome.kind) {
        case SpawnOutcome::Kind::executed:
            log::info("standby command started: process {}", standby_.spawned.pid);
            return;
        case SpawnOutcome::Kind::failed: {
            std::string sentence;
            const std::string path = path_of(environment_of(spec_.workload));
            standby_.status = status_of_failure(standby_.name, path, outcome.problem, sentence);
            return log::error("workload.standby_command: {}", sentence);
        }
        case SpawnOutcome::Kind::altered:
            standby_.status = kStandbyCannotExecute;
            return log::error(
                "the standby command cannot get back the oom_score_adj that leasehold was started with: {}",
                std::generic_category().message(outcome.problem));
        case SpawnOutcome::Kind::unlike:
            standby_.status = kStandbyCannotExecute;
            return log::error("the standby command: {}", explain(spec_.attributes, {outcome.step, outcome.problem}));
        case SpawnOutcome::Kind::late:
        case SpawnOutcome::Kind::orphaned: return;
    }
}

// Signals first, words later, as with the workload.
void Supervisor::ask_standby_to_stop() {
    send_stop_signal(standby_.main > 0);
    log::info("asking {} to stop: {}",
              standby_.main > 0 ? "the standby command" : "what the standby command left behind",
              signal_name(spec_.workload.stop.signal));
}

void Supervisor::kill_standby() {
    kill_pass(standby_.main, Sweep::everywhere);
    standby_.kill_rhythm.restart();
    if (standby_.machine.is_command() && !standby_.failed_start) log::warn("killing the standby command's tree");
}

void Supervisor::standby_child_ended(const Exit& ended) {
    if (standby_.candidacy) {
        if (const auto outcome = standby_.candidacy->reaped(ended, now())) heard_candidacy(*outcome);
    }
    standby_.hook.reaped(ended);
    if (standby_.main > 0 && ended.pid == standby_.main) standby_main_ended(ended);
}

void Supervisor::standby_main_ended(const Exit& ended) {
    standby_.main = -1;
    containment_->main_has_ended();
    if (standby_.machine.is_command()) {
        main_is_stopped_ = false;
        learn_standby_outcome();
        if (standby_.outcome && standby_.outcome->kind == SpawnOutcome::Kind::executed) standby_.status = ended.status;
    }
    const bool by_itself = standby_.machine.phase() == StandbyPhase::running;
    standby_.machine.on_main_ended(now());
    if (!standby_.machine.is_command()) return;
    log::info("standby command ended{} with status {}{}", by_itself ? " by itself" : "", standby_.status.value_or(0),
              ended.by_signal ? " (" + signal_name(ended.status - 128) + ")" : "");
}

// After children were reaped.
void Supervisor::look_whether_standby_is_gone(bool none_left) {
    if (!standby_.machine.alive()) return;
    if (!containment_->empty(none_left)) {
        if (standby_.machine.phase() == StandbyPhase::killing) kill_pass(standby_.main, Sweep::everywhere);
        return;
    }
    const bool was_command = standby_.machine.is_command();
    standby_.machine.on_empty();
    if (containment_->changes_fd() >= 0) loop_->unwatch(containment_->changes_fd());
    if (!was_command) return;
    terminal_.take_back();
    page_->set_standby_populated(false);
    if (captured_.tree_ended) eventfd_write(captured_.tree_ended.get(), 1);  // only a counter that is full is refused
    log::info("nothing of the standby command is left");
}

void Supervisor::on_standby_timer() {
    keep_deadlines();
    if (!standby_.machine.alive()) return settle();
    if (standby_.machine.phase() == StandbyPhase::killing) standby_.kill_rhythm.next();
    on_children();
    if (standby_.machine.phase() != StandbyPhase::killing || !standby_.kill_rhythm.resists()) return;
    if (tree_ && tree_->waiting) tell_agent(ResistsMessage{tree_->grant.term});
    log::error("something of the standby command's tree cannot be killed; trying on. It is {}",
               describe_descendants(getpid()));
}

void Supervisor::arm_standby_timer(Instant at) {
    std::optional<Duration> next = standby_.machine.wake(at, wanted_of_standby());
    const auto sooner = [&](std::optional<Duration> other) {
        if (other) next = std::min(*other, next.value_or(*other));
    };
    const bool may_start = place_for_helpers(at) != HelperPlace::none;
    const bool no_place = machine_.between_trees();
    const auto wake_of_helper = [&](std::optional<Duration> wake) {
        if (wake) sooner(may_start ? *wake : std::max(*wake, no_place ? kTryPlaceLater : kTryPlaceAgain));
    };
    if (standby_.candidacy) wake_of_helper(standby_.candidacy->wake(at));
    wake_of_helper(standby_.hook.wake(at, spec_.workload.hooks.timeout));
    if (standby_.machine.phase() == StandbyPhase::killing) sooner(standby_.kill_rhythm.pause());
    next ? standby_.timer->arm_in(*next) : standby_.timer->disarm();
}

void Supervisor::tell_of_standby() {
    const StandbyMachine& machine = standby_.machine;
    StandbyMessage message;
    const bool command = machine.alive() && machine.is_command();
    const bool executed = standby_.outcome && standby_.outcome->kind == SpawnOutcome::Kind::executed;
    if (command && !executed) return;  // it is being started, or was not
    const auto start = machine.starts_in(now());
    const bool waits = start && *start > Duration(0) && wanted_of_standby() == StandbyMachine::Want::run;
    if (command) message.state = machine.phase() == StandbyPhase::running ? State::running : State::stopping;
    if (!command && waits) message.state = State::backoff;
    message.pid = command && standby_.main > 0 ? standby_.main : 0;
    message.has_ended = standby_.status.has_value();
    message.exit_status = standby_.status.value_or(0);
    message.executed = executed || !standby_.outcome;
    message.starts = standby_.starts;
    message.start_in = start.value_or(Duration(0));
    if (same(message, standby_.told)) return;
    standby_.told = message;
    tell_agent(message);
}

// ---- helpers --------------------------------------------------------------------------------------------------------

HelperPlace Supervisor::place_for_helpers(Instant at) const {
    if (tree_) return may_probe(at) ? HelperPlace::term : HelperPlace::none;
    if (machine_.phase() != Phase::idle || !machine_.accepts_terms()) return HelperPlace::none;
    switch (standby_.machine.phase()) {
        case StandbyPhase::absent: return HelperPlace::alone;
        case StandbyPhase::running: return standby_.main > 0 ? HelperPlace::standby : HelperPlace::none;
        case StandbyPhase::helping:
        case StandbyPhase::stopping:
        case StandbyPhase::killing: return HelperPlace::none;
    }
    return HelperPlace::none;
}

Result<Spawned> Supervisor::spawn_helper(const std::vector<std::string>& command,
                                         const std::map<std::string, std::string>& told) {
    const HelperPlace place = place_for_helpers(now());
    if (place == HelperPlace::none) return failure("not now", EAGAIN);
    const auto nowhere = this->nowhere();
    if (!nowhere) return tl::unexpected<Error>(nowhere.error());
    const bool in_term = place == HelperPlace::term;
    std::map<std::string, std::string> added = in_term ? told_in(spec_, tree_->grant) : told_as_standby(spec_);
    added.insert(told.begin(), told.end());
    const Executable executable(command, environment_of(spec_.workload, added));
    SpawnSettings settings = as_configured();
    settings.purpose = in_term ? Purpose::term : Purpose::standby;
    settings.beside = place != HelperPlace::alone;
    settings.streams = *nowhere;
    const Instant deadline = in_term ? machine_.grant().soft : now() + kNoDeadline;
    auto spawned = spawn(executable, *containment_, deadline, settings);
    if (place != HelperPlace::alone) return spawned;
    standby_.machine.on_helper_started();
    standby_.main = spawned ? spawned->pid : -1;
    if (!spawned) standby_.machine.on_main_ended(now());  // what failed halfway may have left something
    watch_containment();
    return spawned;
}

void Supervisor::withdraw_helpers(Instant at) {
    if (standby_.candidacy) standby_.candidacy->withdraw(at);
    standby_.hook.withdraw();
}

// None outlives the first process of the tree that it is part of.
void Supervisor::mind_helpers(Instant at) {
    const bool term_ends = tree_ && !tree_->waiting && (machine_.phase() != Phase::running || tree_->main < 0);
    const StandbyPhase phase = standby_.machine.phase();
    if (term_ends || phase == StandbyPhase::stopping || phase == StandbyPhase::killing) withdraw_helpers(at);
    if (standby_.candidacy) {
        const bool may_start = place_for_helpers(at) != HelperPlace::none;
        if (const auto outcome = standby_.candidacy->tick(at, may_start)) heard_candidacy(*outcome);
    }
    standby_.hook.tick(at, spec_.workload.hooks.timeout, place_for_helpers(at) != HelperPlace::none);
}

void Supervisor::heard_candidacy(const ExecOutcome& outcome) {
    tell_agent(ProbedMessage{0, 0, Probed::candidacy, outcome});
}

}  // namespace leasehold::supervisor
