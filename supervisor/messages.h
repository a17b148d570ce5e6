// SPDX-License-Identifier: Apache-2.0
//
// What the three processes say to each other: one message per packet of a SOCK_SEQPACKET socket. All three run the same
// executable file (the guardian executes /proc/self/exe, which stays the same file when the path is replaced), so
// messages are plain structures in native layout; the version is checked all the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "base/fd.h"
#include "base/result.h"
#include "supervisor/exec_outcome.h"
#include "supervisor/hook.h"
#include "supervisor/term_machine.h"

namespace leasehold::supervisor {

inline constexpr std::uint32_t kProtocolVersion = 12;

// ---- agent -> supervisor
struct GrantMessage {
    TermGrant grant;
};
// A write was sent that begins this term if it is applied; then nobody else has begun one in between. What is to be
// known before a workload is started can be found out meanwhile. Promises nothing.
struct PrepareMessage {
    Term term = 0;
};
struct RevokeMessage {
    Term term = 0;
    StopMode mode = StopMode::orderly;
};
struct RestartMessage {  // somebody wants the workload to be started anew; of term 0: the standby command
    Term term = 0;
};
struct PauseMessage {  // whether what would follow an end of the workload by itself is to wait
    bool paused = false;
};
struct PingMessage {
    std::uint64_t number = 0;
};

// These two mean nothing of another process than the workload's.
struct UnhealthyMessage {
    enum class Reason : std::uint32_t {
        probe,        // the agent's has failed
        never_ready,  // not within the time limit of its start
    };
    Term term = 0;
    std::int64_t pid = 0;
    Reason reason = Reason::probe;
};
struct ReadyMessage {  // to be remembered as long as it runs
    Term term = 0;
    std::int64_t pid = 0;
};

// What this candidate is as long as no term says otherwise; also after each HelloMessage.
struct StandingMessage {
    static constexpr std::size_t kMostText = 256;

    bool standby = false;  // it waits, and may execute the standby command; false: not known yet, or it leads
    bool news = false;     // the leader is another one than any supervisor was told of before
    std::array<char, kMostText> leader{};  // who holds the lease, or held it last; ends as StatusMessage::text
};

// ---- supervisor -> agent
// First packet on every new connection: what is going on.
struct HelloMessage {
    TermMachine::Phase phase = TermMachine::Phase::idle;
    TermGrant grant;  // when not idle
    Term closed_through = 0;
    std::int64_t pid = 0;
    bool goes_on = false;  // the workload runs in this term, or is to run in it again, or it is held without
    bool paused = false;
    bool ready = false;     // the workload runs, and was ready once
    bool executed = false;  // it runs, since:
    Instant executed_at;
};
struct StartedMessage {  // also to the guardian, pid 0: something may be alive from here on, look at the page
    Term term = 0;
    std::int64_t pid = 0;
};
struct ExitedMessage {  // the workload's own process ended
    Term term = 0;
    bool by_signal = false;
    int exit_status = 0;  // as the program's exit status: the code, 128 + signal, 126 or 127
};
struct StoppingMessage {  // the tree was asked to stop, for whatever reason
    Term term = 0;
};
struct KilledMessage {  // a stop was escalated to SIGKILL
    Term term = 0;
};
struct EmptyMessage {
    Term term = 0;
    Duration stop_took{};   // from asking to stop to the proof; zero when nobody asked
    Duration lease_left{};  // to the hard instant; what the margin keeps back is not known here
    bool had_tree = false;  // a tree was started in this term at all
    bool ending = false;    // nothing will be started any more: leasehold ends, whether or not the guardian can say so
    bool resigned = false;  // the workload is not started again here: another candidate is to lead
};
struct PausedMessage {  // the term goes on without a workload
    Term term = 0;
    bool starts = false;  // again, after this pause
    Duration pause{};
};
struct ProbedMessage {     // what a probe of the supervisor's own has found
    Term term = 0;         // these two not of a candidacy
    std::int64_t pid = 0;  // of the workload
    Probed what = Probed::health;
    ExecOutcome outcome;
};
struct StandbyMessage {  // the standby command; at each change, and after each HelloMessage
    enum class State : std::uint32_t { stopped, running, stopping, backoff };

    State state = State::stopped;
    bool repeated = false;  // nothing has changed
    bool has_ended = false;
    int exit_status = 0;       // when it ended last
    std::int64_t pid = 0;      // while it runs
    Duration start_in{};       // backoff
    bool executed = true;      // or else the status stands for why it could not be
    std::uint32_t starts = 0;  // so many so far, in vain or not
};
struct HookMessage {  // a hook, or the stop command, is executed, or has ended
    Term term = 0;
    Hook hook = Hook::before_start;
    HookOutcome outcome;
};
struct PongMessage {
    std::uint64_t number = 0;
};
struct ResistsMessage {  // also from the guardian: something of the tree (or a leftover) does not die of SIGKILL
    Term term = 0;
};

// ---- guardian -> supervisor, guardian -> agent
struct StopMessage {
    StopMode mode = StopMode::orderly;
};
struct SignalMessage {  // to the workload; SIGCONT hands it the terminal again as well, if that is the guardian's
    int signal = 0;
};
struct ResumedMessage {};         // the answer to each WorkloadStoppedMessage, once the guardian runs again
struct NewPeerMessage {};         // carries a descriptor: the socket to the (new) agent, or to the (new) supervisor
struct SupervisorGoneMessage {};  // to the agent: nothing can be granted any more; emptying
struct TreeEmptiedMessage {       // to the agent: the guardian has proven empty what the supervisor left
    Term closed_through = 0;
};

// ---- to the guardian
struct WorkloadEndedMessage {  // from the supervisor, before its EMPTY: leasehold is to end with this status
    int exit_status = 0;
};
struct WorkloadStoppedMessage {  // from the supervisor: by job control, so the shell wants to see leasehold stop
    int signal = 0;
};
// From the agent, for the service manager: what this candidate does, in a line for people.
struct StatusMessage {
    static constexpr std::size_t kMostText = 200;

    bool ready = false;                  // the store has answered: a standby is up as well
    std::array<char, kMostText> text{};  // ends with the first zero, or with the array
};
struct ReloadMessage {};            // from the agent: somebody wants the configuration to be read anew
struct SupervisorSilentMessage {};  // from the agent: the supervisor does not answer; it is to be killed
struct GiveUpMessage {              // from the agent: leasehold is to end with this status (124, 125)
    int exit_status = 0;
};

// ---- a reload: reloader -> guardian, and from there on
// The accepted configuration, as a sealed memfd; comes before the description that goes with it.
struct NewConfigMessage {};
// Carries the launch description as a sealed memfd. Also to the supervisor.
struct NewSpecMessage {};
// Nothing has become different; the descriptor has the text that says why. Also to the agent, with its number.
struct ReloadOutcomeMessage {
    bool refused = false;  // or else nothing has changed in the file
    std::uint64_t number = 0;
};
struct ReplacedMessage {};  // to the agent: make room for one with the new configuration (kAgentReplaced)

using Message =
    std::variant<GrantMessage, RevokeMessage, PingMessage, HelloMessage, StartedMessage, ExitedMessage, StoppingMessage,
                 KilledMessage, EmptyMessage, PongMessage, StopMessage, SignalMessage, NewPeerMessage,
                 SupervisorGoneMessage, TreeEmptiedMessage, WorkloadEndedMessage, GiveUpMessage, ResistsMessage,
                 SupervisorSilentMessage, WorkloadStoppedMessage, ResumedMessage, PausedMessage, StatusMessage,
                 UnhealthyMessage, ProbedMessage, ReadyMessage, RestartMessage, PauseMessage, ReloadMessage,
                 NewConfigMessage, NewSpecMessage, ReloadOutcomeMessage, ReplacedMessage, StandingMessage,
                 StandbyMessage, HookMessage, PrepareMessage>;

struct Received {
    Message message;
    UniqueFd fd;  // when one came along
};

// One end of a connection. Not thread-safe; send and receive never block.
class Channel {
public:
    Channel() = default;
    explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

    // Two connected ends, close-on-exec, non-blocking.
    static Result<std::pair<Channel, Channel>> pair();

    // Sends one message, with a copy of descriptor `fd` when it is not -1. Fails when the peer is gone, and when its
    // queue is full (EAGAIN): then the peer has not read for long, and the caller treats it as hung.
    Result<void> send(const Message& message, int fd = -1) const;

    // The next message; nothing when there is none yet. Fails when the peer is gone (code ENOTCONN) and on packets that
    // are not of this protocol version.
    Result<std::optional<Received>> receive() const;

    int fd() const { return socket_.get(); }
    explicit operator bool() const { return static_cast<bool>(socket_); }
    void close() { socket_.reset(); }

private:
    UniqueFd socket_;
};

}  // namespace leasehold::supervisor
