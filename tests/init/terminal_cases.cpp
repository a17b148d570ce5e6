// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tests/init/cases.h"
#include "tests/init/roles.h"

namespace leasehold::init_test {
namespace {

constexpr const char* kQuit = "\x1c";
constexpr const char* kSuspend = "\x1a";

std::vector<std::string> under(const Trial& trial, const std::vector<std::string>& command) {
    return command_line(trial.init, command, trial.folder);
}

template <bool AsPid1>
std::string has_the_terminal(const Trial& trial) {
    Subject subject(under(trial, role("@report")), {.terminal = true, .pid_1 = AsPid1});
    NEED(subject.says("up fg=1", trial.limit), subject);
    return "";
}

// ^C and ^\ reach the workload; the init does not take them for itself, so the workload goes on.
std::string keys_reach_the_workload_only(const Trial& trial) {
    Subject subject(under(trial, role("@report", "deaf")), {.terminal = true});
    NEED(subject.says("up", trial.limit), subject);
    subject.type(kInterrupt);
    NEED(subject.says("got INT", trial.limit), subject);
    subject.type(kQuit);
    NEED(subject.says("got QUIT", trial.limit), subject);
    subject.type("size\n");
    NEED(subject.says("size=", trial.limit), subject);
    NEED(subject.heard().find("got TERM") == std::string::npos, subject);
    subject.type("exit 5\n");
    NEED(subject.ends(trial.limit) == 5, subject);
    return "";
}

std::string interrupt_ends_a_plain_program(const Trial& trial) {
    Subject subject(under(trial, {"sh", "-c", "echo up; exec sleep 1000"}), {.terminal = true});
    NEED(subject.says("up", trial.limit), subject);
    subject.type(kInterrupt);
    NEED(subject.ends(trial.limit) == 130, subject);
    return "";
}

std::string new_size_reaches_it(const Trial& trial) {
    Subject subject(under(trial, role("@report")), {.terminal = true});
    NEED(subject.says("up", trial.limit), subject);
    subject.resize(51, 132);
    NEED(subject.says("got WINCH", trial.limit), subject);
    subject.type("size\n");
    NEED(subject.says("size=51x132", trial.limit), subject);
    return "";
}

std::string terminal_is_given_back(const Trial& trial) {
    Subject subject(under(trial, role("@report")), {.terminal = true, .session = "@session"});
    NEED(subject.says("up fg=1", trial.limit), subject);
    subject.type("exit 5\n");
    NEED(subject.says("terminal given back", trial.limit), subject);
    NEED(subject.ends(trial.limit) == 5, subject);
    return "";
}

std::string hangup_reaches_it(const Trial& trial) {
    const std::string out = trial.folder + "/out";
    const std::string script = "trap 'echo hangup > " + out + "; exit 3' HUP; echo up; while :; do sleep 0.01; done";
    Subject subject(under(trial, {"sh", "-c", script}), {.terminal = true});
    NEED(subject.says("up", trial.limit), subject);
    subject.hang_up();
    NEED(harness::eventually([&] { return harness::read_file(out) == "hangup\n"; }, trial.limit), subject);
    NEED(subject.ends(trial.limit).has_value(), subject);
    return "";
}

// In the foreground of a session leader nobody could continue what the key stops: it goes on, as it would by itself.
template <bool AsPid1>
std::string suspend_key_does_not_hang_it(const Trial& trial) {
    Subject subject(under(trial, role("@report")), {.terminal = true, .pid_1 = AsPid1});
    NEED(subject.says("up", trial.limit), subject);
    subject.type(kSuspend);
    subject.type("exit 5\n");
    NEED(subject.ends(trial.limit) == 5, subject);
    return "";
}

bool lease_is_renewed(const Trial& trial) {
    const std::string path = trial.folder + "/init.lease";
    const std::string before = harness::read_file(path);
    return harness::eventually([&] { return harness::read_file(path) != before; });
}

// Types a line at the shell's prompt.
bool tells_the_shell(Subject& subject, const Trial& trial, const std::string& line) {
    if (!subject.says("ready> ", trial.limit)) return false;
    subject.type(line + "\n");
    return true;
}

// Says `fg`, and waits until the shell has given the terminal away.
bool taken_to_the_foreground(Subject& subject, const Trial& trial) {
    return tells_the_shell(subject, trial, "fg") &&
           harness::eventually([&] { return subject.foreground() != subject.init(); }, trial.limit);
}

std::string line_around(const Trial& trial, const std::vector<std::string>& command) {
    return fmt::format("{}", fmt::join(under(trial, command), " "));
}

// Suspended with the key, seen by the shell, continued in the foreground and in the background. The lease is kept.
std::string job_control(const Trial& trial) {
    Subject subject(interactive_shell(), {.terminal = true});
    NEED(tells_the_shell(subject, trial, line_around(trial, role("@report"))), subject);
    NEED(subject.says("up fg=1", trial.limit), subject);
    for (const bool to_foreground : {true, false, true}) {
        subject.type(kSuspend);
        NEED(subject.says("Stopped", trial.limit), subject);
        NEED(tells_the_shell(subject, trial, "jobs"), subject);
        NEED(subject.says("Stopped", trial.limit), subject);
        if (is_leasehold(trial.init)) NEED(lease_is_renewed(trial), subject);
        NEED(tells_the_shell(subject, trial, to_foreground ? "fg" : "bg"), subject);
        NEED(subject.says(to_foreground ? "got CONT fg=1" : "got CONT fg=0", trial.limit), subject);
        if (to_foreground) continue;
        subject.type("\n");  // what was said since has hidden the prompt
        NEED(taken_to_the_foreground(subject, trial), subject);
    }
    subject.type("exit 5\n");
    NEED(tells_the_shell(subject, trial, "echo status=$?"), subject);
    NEED(subject.says("status=5", trial.limit), subject);
    NEED(tells_the_shell(subject, trial, "exit"), subject);
    NEED(subject.ends(trial.limit) == 0, subject);
    return "";
}

// Below a script, which is in the same job and has to be suspended with it.
std::string job_control_in_a_script(const Trial& trial) {
    const std::string script = trial.folder + "/script";
    harness::write_file(script, line_around(trial, role("@report")) + "\necho after=$?\n");
    Subject subject(interactive_shell(), {.terminal = true});
    NEED(tells_the_shell(subject, trial, "sh " + script), subject);
    NEED(subject.says("up fg=1", trial.limit), subject);
    subject.type(kSuspend);
    NEED(subject.says("Stopped", trial.limit), subject);
    NEED(tells_the_shell(subject, trial, "fg"), subject);
    NEED(subject.says("got CONT fg=1", trial.limit), subject);
    subject.type("exit 5\n");
    NEED(subject.says("after=5", trial.limit), subject);
    return "";
}

// A shell as the workload, with jobs of its own in the foreground.
std::string shell_inside_has_job_control(const Trial& trial) {
    Subject subject(under(trial, interactive_shell()), {.terminal = true});
    NEED(tells_the_shell(subject, trial, "sh -c 'echo job-$((40 + 2)); exec sleep 1000'"), subject);
    NEED(subject.says("job-42", trial.limit), subject);
    subject.type(kSuspend);
    NEED(subject.says("Stopped", trial.limit), subject);
    NEED(tells_the_shell(subject, trial, "disown; exit 6"), subject);
    NEED(subject.ends(trial.limit) == 6, subject);
    return "";
}

// In the background from the start, it takes the terminal from nobody.
std::string background_takes_nothing(const Trial& trial) {
    Subject subject(interactive_shell(), {.terminal = true});
    NEED(tells_the_shell(subject, trial, line_around(trial, role("@report")) + " &"), subject);
    NEED(subject.says("up fg=0", trial.limit), subject);
    subject.type("echo shell-$((40 + 2))\n");
    NEED(subject.says("shell-42", trial.limit), subject);
    return "";
}

// In the background it is stopped when it reads, the shell says so, and in the foreground it gets the terminal.
std::string background_reader_waits(const Trial& trial) {
    Subject subject(interactive_shell(), {.terminal = true});
    NEED(tells_the_shell(subject, trial, line_around(trial, role("@reader")) + " &"), subject);
    NEED(subject.says("up fg=0", trial.limit), subject);
    const bool seen = harness::eventually(
        [&] {
            subject.type("jobs\n");
            return subject.says("Stopped", std::chrono::milliseconds(100));
        },
        trial.limit);
    NEED(seen, subject);
    NEED(taken_to_the_foreground(subject, trial), subject);
    subject.type("hello\n");
    NEED(subject.says("read hello fg=1", trial.limit), subject);
    return "";
}

// The shell sends no signal with `fg` to what runs in the background; it reads later on, or is suspended.
std::string running_job_gets_the_terminal(const Trial& trial) {
    const std::string go = trial.folder + "/go";
    const std::string script = trial.folder + "/script";
    harness::write_file(script,
                        "echo up; while ! test -e " + go + "; do sleep 0.01; done; read line; echo read $line\n");
    Subject subject(interactive_shell(), {.terminal = true});
    NEED(tells_the_shell(subject, trial, line_around(trial, {"sh", script}) + " &"), subject);
    NEED(subject.says("up", trial.limit), subject);
    subject.type("\n");
    NEED(taken_to_the_foreground(subject, trial), subject);
    harness::write_file(go, "");
    subject.type("hello\n");
    NEED(subject.says("read hello", trial.limit), subject);
    return "";
}

}  // namespace

std::vector<Row> terminal_rows() {
    using enum Init;
    const std::vector<Init> all = {leasehold, leasehold_process, tini, tini_group, dumb_init, dumb_init_single};
    return {
        {"has_the_terminal", has_the_terminal<false>, all, {deaf}},
        {"has_the_terminal_as_pid_1", has_the_terminal<true>, all, {deaf}, true},
        {"keys_reach_the_workload_only", keys_reach_the_workload_only, all, {deaf}},
        {"interrupt_ends_a_plain_program", interrupt_ends_a_plain_program, all, {}},
        {"new_size_reaches_it", new_size_reaches_it, all, {deaf}},
        {"hangup_reaches_it", hangup_reaches_it, all, {deaf}},
        {"suspend_key_does_not_hang_it", suspend_key_does_not_hang_it<false>, {bare, leasehold}, {tini}},
        {"suspend_key_does_not_hang_it_as_pid_1", suspend_key_does_not_hang_it<true>, {bare, leasehold}, {tini}, true},
        {"terminal_is_given_back", terminal_is_given_back, {leasehold, leasehold_process, bare}, {tini, tini_group}},
        {"job_control", job_control, {leasehold, leasehold_process, bare}, {tini, tini_group, dumb_init}},
        {"job_control_in_a_script", job_control_in_a_script, {leasehold}, {tini}},
        {"shell_inside_has_job_control", shell_inside_has_job_control, all, {deaf}},
        {"background_takes_nothing", background_takes_nothing, {leasehold, bare}, {}},
        {"background_reader_waits", background_reader_waits, {leasehold, leasehold_process, bare}, {tini}},
        {"running_job_gets_the_terminal", running_job_gets_the_terminal, {leasehold, bare}, {}},
    };
}

}  // namespace leasehold::init_test
