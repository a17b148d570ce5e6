// SPDX-License-Identifier: Apache-2.0
//
// The terminal that leasehold was started on, if its standard input is one: it belongs to the workload while that
// runs, so that the keys (^C, ^\, ^Z) and changes of its size go there and nowhere else, and to the guardian's process
// group otherwise. And job control, when an interactive shell has started leasehold (credentials(7), tcsetpgrp(3)).
//
// A terminal is handed on only by whoever has it: leasehold in the background of a shell takes nothing away from it.
// For that the supervisor stays in the guardian's session. A guardian that sees no id of its own process group (it is
// outside of the PID namespace) could not get the terminal back, and so has none.
//
// Threads: none of its own; nothing blocks. Every call is from a process that has SIGTTOU blocked, which may therefore
// change the foreground group from the background. A terminal that has meanwhile gone is no error.
#pragma once

#include <optional>

#include <sys/types.h>

namespace leasehold::supervisor {

// What it means that the workload's own process was stopped.
enum class StopMeaning {
    none,            // somebody stopped it by hand: that is between the two
    needs_terminal,  // it wanted the terminal, which is the guardian's to give: it is given, and the workload continued
    suspend,         // the shell's job control: leasehold stops as well
};

// `foreground`, `home` and `workload` are process groups: the terminal's, the guardian's, and the workload's. Pure.
StopMeaning meaning_of_stop(int signal, pid_t foreground, pid_t home, pid_t workload);

class Terminal {
public:
    Terminal() = default;  // none

    // The controlling terminal on standard input; none when there is no such thing. `home` is the guardian's group.
    static Terminal of(pid_t home);
    static Terminal of_parent();  // for the supervisor: home is its parent's group

    explicit operator bool() const { return home_ > 0; }

    // Whether the guardian's group has the terminal.
    bool is_at_home() const;

    // From the guardian's group to this one, if it is there. Returns whether that was so and has worked.
    bool hand_over(pid_t group) const;

    // Back to the guardian's group, if nobody is left in the group that has it.
    void take_back() const;

    StopMeaning meaning_of_stop(int signal, pid_t workload) const;

private:
    explicit Terminal(pid_t home) : home_(home) {}

    pid_t home_ = -1;
};

// In the new workload, before it executes anything: async-signal-safe.
void put_own_group_into_foreground();

// The signal that has stopped this child since the last call, if one has; and whether it was continued since.
std::optional<int> stopped_by(pid_t child);
bool was_continued(pid_t child);

// Stops the caller's process group, as the suspend key would have. Returns after SIGCONT, which is pending then; and
// at once, with false, when the kernel refuses because nobody is there to continue the group: that of PID 1, of a
// session leader, any orphaned one. REQUIRES: SIGTSTP and SIGCONT are blocked, SIGTSTP has its default action.
bool suspend_own_group();

}  // namespace leasehold::supervisor
