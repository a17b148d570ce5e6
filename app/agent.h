// SPDX-License-Identifier: Apache-2.0
//
// The agent process: a participant of the election (participant.h) with a link to guardian and supervisor. It holds no
// deadline of the workload: when it crashes the guardian starts another one, when it hangs the deadlines it granted run
// out.
//
// One thread (a store may have more inside). Talks to guardian and supervisor over their sockets and publishes every
// grant in the shared page before it sends it.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/control_protocol.h"
#include "app/control_server.h"
#include "app/control_socket.h"
#include "app/participant.h"
#include "app/prober.h"
#include "app/readiness.h"
#include "base/event_loop.h"
#include "supervisor/backoff.h"
#include "supervisor/containment.h"
#include "supervisor/launch.h"
#include "supervisor/messages.h"
#include "supervisor/output_page.h"
#include "supervisor/pulse.h"
#include "supervisor/shared_page.h"

namespace leasehold::app {

class Agent {
public:
    // Takes over what it was launched with; nothing is begun yet.
    static Result<std::unique_ptr<Agent>> create(supervisor::AgentLaunch launch, config::Options options);

    // Returns the exit status of the process: 0 when the election has finished in order.
    int run();

private:
    // What hinders this candidate from contending, as far as others ask for it.
    static constexpr const char* kPaused = "paused";
    static constexpr const char* kResting = "resting";
    static constexpr const char* kNoSupervisor = "no supervisor";
    static constexpr const char* kCandidacy = "candidacy";

    explicit Agent(supervisor::AgentLaunch launch) : launch_(std::move(launch)) {}

    // agent.cpp
    Result<void> set_up(config::Options options);
    Result<void> set_up_participant(config::Options options);
    Result<void> watch_guardian();
    Result<void> set_timers();
    void guardian_readable();
    void on_guardian_message(supervisor::Received received);
    void stop(supervisor::StopMode mode);
    void leave(int status);
    void hear_reload(const supervisor::ReloadOutcomeMessage& outcome, const UniqueFd& text);

    // agent_supervisor.cpp: the link to the supervisor.
    void connect_supervisor(UniqueFd socket);
    void supervisor_readable();
    void on_supervisor_message(const supervisor::Message& message);
    void on_hello(const supervisor::HelloMessage& hello);
    void welcome_new_supervisor();
    void on_hook(const supervisor::HookMessage& told);
    void on_paused(const supervisor::PausedMessage& paused);
    void on_empty(const supervisor::EmptyMessage& empty);
    void hinder(const std::string& what, bool hinders);
    void rest();
    void wake_guardian();
    void drop_supervisor(const std::string& why);
    void leave_when_clear();
    bool send_supervisor(const supervisor::Message& message);
    void on_beat();
    void tell_service_manager();
    void on_resisting();
    void set_workload_state(const std::string& state);

    // agent_standby.cpp: what is executed while another leads.
    bool waits_as_standby() const;
    std::string other_holder() const;
    void tell_standing();
    void hear_of_standby(const supervisor::StandbyMessage& message);

    // agent_probes.cpp: whether the workload is ready, then whether it is healthy; and whether this candidate is able.
    Result<void> set_up_probes(const supervisor::WorkloadOptions& workload);
    Result<void> set_up_readiness(const supervisor::ReadyOptions& ready);
    void begin_workload(std::int64_t pid, Instant executed_at, bool ready);
    void workload_is_ready();
    void tell_unhealthy(std::int64_t pid, supervisor::UnhealthyMessage::Reason reason);
    void mind_readiness();
    void mind_health();
    void hear_health(const ProbeNews& news);
    void hear_exec_probe(const supervisor::ProbedMessage& probed);
    void hear_candidacy(const ProbeNews& news);

    // agent_election.cpp: what the election wants done.
    Participant::Hooks hooks();
    void grant(const election::Grant& grant);
    void revoke(const election::Revoke& revoke);
    void stepped();
    void complete_picture(metrics::StatusView& view) const;
    void show_output(metrics::StatusView& view) const;

    // agent_control.cpp: what operators ask for.
    Result<void> serve_control();
    std::string answer_control(std::string_view line, bool whole, const ControlPeer& peer);
    ControlAnswer obey(const ControlRequest& request);
    std::string why_not_as_leader();
    ControlAnswer resign(const std::string& successor);
    ControlAnswer pause(bool wanted);
    ControlAnswer restart_standby();
    ControlAnswer restart_workload();
    ControlAnswer reload();
    void rest_if_resigned();
    bool paused() const { return hindrances_.contains(kPaused); }
    std::vector<std::string> hindrances_in_words() const;

    supervisor::AgentLaunch launch_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<supervisor::SharedPage> page_;
    std::unique_ptr<supervisor::OutputPage> output_;  // none: the workload's output is not captured
    supervisor::Channel guardian_;
    supervisor::Channel supervisor_;
    std::unique_ptr<Participant> participant_;  // started by the supervisor's first hello
    std::unique_ptr<ControlServer> control_;    // nothing: no socket was asked for
    FileId control_file_;
    std::unique_ptr<Timer> wait_timer_;   // --wait-timeout
    std::unique_ptr<Timer> hurry_timer_;  // a second stop request
    std::unique_ptr<Timer> beat_timer_;   // shows the guardian that we turn, and looks whether the supervisor answers
    std::unique_ptr<Timer> clear_timer_;  // when guardian and supervisor are gone
    std::unique_ptr<Timer> rest_timer_;   // after resigning
    supervisor::KillRhythm clear_rhythm_;
    supervisor::Pulse supervisor_pulse_;
    bool complained_of_silence_ = false;

    bool stop_requested_ = false;
    bool hurry_ = false;
    std::pair<bool, std::string> told_service_manager_;  // ready, and the line
    const pid_t guardian_pid_ = getppid();
    std::string workload_state_ = "stopped";
    std::int64_t workload_pid_ = 0;
    std::string hook_;  // that runs; empty: none
    supervisor::Term last_tree_ended_ = 0;
    supervisor::Term last_resigned_ = 0;
    supervisor::Term resigning_in_ = 0;  // the running term, of which somebody wants to be rid
    Instant rest_ends_;
    bool before_start_failed_ = false;  // the last time, as far as this agent has heard
    std::set<std::string> hindrances_;  // why this candidate cannot contend
    std::optional<int> workload_last_exit_code_;
    std::unique_ptr<Readiness> readiness_;
    std::unique_ptr<Prober> health_;     // by http or tcp; the supervisor does the others
    std::unique_ptr<Prober> candidacy_;  // none: able without being asked
    metrics::LastReload last_reload_;
    ProbeState health_state_;
    ProbeState candidacy_state_;
    struct Standing {
        bool standby = false;
        std::string leader;

        friend bool operator==(const Standing&, const Standing&) = default;
    };
    std::optional<Standing> told_standing_;  // to this supervisor
    std::string last_leader_;                // that any supervisor was told of
    struct {
        std::string state = "stopped";
        std::int64_t pid = 0;
        std::optional<int> last_exit_code;
        std::uint32_t ended_start = 0;  // which of its starts was the last one whose end is known
        bool end_to_follow_up = false;  // when it is started again is still to be said
    } standby_;                         // the command
    std::int64_t probed_pid_ = 0;       // the workload that health_state_ is about
    int status_ = 0;
};

// The main function of the role; `arguments` is everything after the role argument.
int agent_main(const std::vector<std::string>& arguments);
// The same of the first one, which was not executed: it is the process that has read these options.
int first_agent_main(supervisor::AgentLaunch launch, config::Options options);

}  // namespace leasehold::app
