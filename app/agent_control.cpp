// SPDX-License-Identifier: Apache-2.0
//
// What operators ask the agent for, over the control socket.
#include "app/agent.h"
#include "base/clock.h"
#include "base/duration_text.h"
#include "metrics/status.h"

namespace leasehold::app {
namespace {

using AnswerKind = ControlAnswer::Kind;

ControlAnswer not_now(std::string why) { return {AnswerKind::refused, std::move(why), nullptr}; }
ControlAnswer accepted(std::string what) { return {AnswerKind::done, std::move(what), nullptr}; }

}  // namespace

Result<void> Agent::serve_control() {
    UniqueFd listener(launch_.spec.control_fd);
    if (!listener) return {};
    control_file_ = file_at(participant_->options().control.socket);
    auto server = ControlServer::start(*loop_, std::move(listener),
                                       [this](std::string_view request, bool whole, const ControlPeer& peer) {
                                           return answer_control(request, whole, peer);
                                       },
                                       {});
    if (!server) return tl::unexpected<Error>(server.error());
    control_ = std::move(*server);
    return {};
}

std::string Agent::answer_control(std::string_view line, bool whole, const ControlPeer& peer) {
    if (!whole)
        return to_line(ControlAnswer{AnswerKind::not_understood, "the request is cut off, or too long", nullptr});
    const auto request = parse_request(line);
    if (!request) return to_line(ControlAnswer{AnswerKind::not_understood, request.error().message, nullptr});
    if (request->command != ControlCommand::status) {
        log::info("'{}' was asked for by process {} of user {}", name_of(request->command), peer.process, peer.user);
    }
    ControlAnswer answer = obey(*request);
    if (answer.kind == AnswerKind::refused) log::info("'{}' is refused: {}", name_of(request->command), answer.message);
    answer.status = Json::parse(metrics::status_json(participant_->status()), nullptr, /*allow_exceptions=*/false);
    return to_line(answer);
}

ControlAnswer Agent::obey(const ControlRequest& request) {
    switch (request.command) {
        case ControlCommand::status: return accepted("");
        case ControlCommand::resign: return resign(request.successor);
        case ControlCommand::pause: return pause(true);
        case ControlCommand::resume: return pause(false);
        case ControlCommand::restart: return restart_workload();
        case ControlCommand::reload: return reload();
    }
    return not_now("unknown command");
}

// Why what only a leader can do cannot be done now; empty when it can.
std::string Agent::why_not_as_leader() {
    if (stop_requested_) return "it is being stopped, which stops the workload and releases the lease";
    const metrics::StatusView view = participant_->status();
    if (view.role == "leader") return "";
    if (view.role != "standby") return "its term is just being ended (" + view.role + ")";
    if (view.holder.empty()) return "it does not lead, and nobody else is known to";
    return "it does not lead; " + view.holder + " does, and has to be asked where it runs";
}

// The lease is released once the workload has ended, in its own time. Until after that, and the cooldown, this
// candidate does not contend.
ControlAnswer Agent::resign(const std::string& successor) {
    if (const std::string why = why_not_as_leader(); !why.empty()) return not_now("cannot resign: " + why);
    if (successor == participant_->options().identity) {
        return not_now("cannot resign in favour of " + successor + ": that is this candidate itself");
    }
    resigning_in_ = participant_->election().grant()->term;
    hinder(kResting, true);
    participant_->deliver(election::ResignRequested{successor});
    return accepted("the workload is asked to stop, and the lease is released when nothing of it is left");
}

// Once the term of a resignation is over, whoever has ended its tree.
void Agent::rest_if_resigned() {
    const election::Election& election = participant_->election();
    if (resigning_in_ == 0 || election.grant() || election.role() != election::Role::standby) return;
    rest();
}

ControlAnswer Agent::pause(bool wanted) {
    if (wanted == paused()) return accepted(wanted ? "it was paused already" : "it was not paused");
    hinder(kPaused, wanted);
    send_supervisor(supervisor::PauseMessage{wanted});  // or else its hello is answered with it
    const char* const sentence =
        !wanted ? "resumed: everything goes its way again"
        : participant_->started() && participant_->election().grant()
            ? "paused: the lease is kept, and nothing follows when the workload ends, until 'leasehold resume'"
            : "paused: not contending until 'leasehold resume'";
    participant_->journal().add({log::Level::warn, sentence});
    return accepted(sentence);
}

ControlAnswer Agent::restart_standby() {
    const bool heard = supervisor_ && !supervisor_pulse_.silent();
    if (!heard || !send_supervisor(supervisor::RestartMessage{0})) {
        return not_now("the supervisor does not answer; the standby command is being ended");
    }
    participant_->journal().add({log::Level::info, "asked to start the standby command anew"});
    return accepted("the standby command is asked to stop, and started again when nothing of it is left");
}

// Whichever of the two is this candidate's part.
ControlAnswer Agent::restart_workload() {
    const bool of_standby = !participant_->options().workload.standby_command.empty() && waits_as_standby();
    if (of_standby) return restart_standby();
    if (const std::string why = why_not_as_leader(); !why.empty()) return not_now("nothing to start anew: " + why);
    const supervisor::Term term = participant_->election().grant()->term;
    const bool heard = supervisor_ && !supervisor_pulse_.silent();
    if (!heard || !send_supervisor(supervisor::RestartMessage{term})) {
        return not_now("the supervisor does not answer; its workload is being ended");
    }
    participant_->journal().add({log::Level::info, "asked to start the workload anew"});
    return accepted("the workload is asked to stop, and started again when nothing of it is left");
}

// How it went shows in the status: of this agent, or of the one that takes its place.
ControlAnswer Agent::reload() {
    if (stop_requested_) return not_now("it is being stopped");
    if (auto sent = guardian_.send(supervisor::ReloadMessage{}); !sent) {
        return not_now("the guardian cannot be told: " + sent.error().message);
    }
    return accepted("reading " + launch_.spec.config_file + " anew");
}

std::vector<std::string> Agent::hindrances_in_words() const {
    std::vector<std::string> sentences;
    for (const std::string& what : hindrances_) {
        if (what == kPaused) {
            sentences.emplace_back("it is paused ('leasehold resume' ends that)");
        } else if (what == kResting && resigning_in_ != 0) {
            sentences.emplace_back("it is resigning");
        } else if (what == kResting) {
            const Duration left = std::max(left_on_any_clock(rest_ends_, now()), Duration::zero());
            const char* const why = before_start_failed_ ? " because workload.hooks.before_start failed" : "";
            sentences.push_back(std::string("it has resigned") + why + ", and rests for another " +
                                to_rounded_text(std::chrono::ceil<std::chrono::seconds>(left)) +
                                " (workload.restart.cooldown)");
        } else if (what == kNoSupervisor) {
            sentences.emplace_back("its supervisor is gone; the guardian starts another one");
        } else if (what == kCandidacy) {
            sentences.push_back(std::string("the probe of workload.candidacy has not passed") +
                                (candidacy_state_.passed ? " often enough: " : ": ") + candidacy_state_.words);
        } else {
            sentences.push_back(what);
        }
    }
    return sentences;
}

}  // namespace leasehold::app
