// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <fmt/core.h>
#include <unistd.h>

#include "tests/init/cases.h"
#include "tests/init/roles.h"

namespace leasehold::init_test {
namespace {

std::vector<std::string> around(const Trial& trial, const std::vector<std::string>& command, bool rewriting = false) {
    return command_line(trial.init, command, trial.folder, rewriting);
}

template <int Status>
std::string ends_with(const Trial& trial, const std::vector<std::string>& command) {
    Subject subject(around(trial, command), {});
    subject.close_input();
    const auto status = subject.ends(trial.limit);
    if (status == Status) return "";
    return fmt::format("status {} instead of {}; {}", status.value_or(-1), Status, subject.errors());
}

std::string exit_code_0(const Trial& trial) { return ends_with<0>(trial, {"true"}); }
std::string exit_code_42(const Trial& trial) { return ends_with<42>(trial, {"sh", "-c", "exit 42"}); }
std::string death_by_kill(const Trial& trial) { return ends_with<137>(trial, {"sh", "-c", "kill -KILL $$"}); }
std::string death_by_term(const Trial& trial) { return ends_with<143>(trial, {"sh", "-c", "kill -TERM $$"}); }
std::string not_found(const Trial& trial) { return ends_with<127>(trial, {"/nonexistent/program"}); }
std::string not_executable(const Trial& trial) { return ends_with<126>(trial, {"/etc/passwd"}); }

template <int Signal>
std::string ends_by(const Trial& trial) {
    Subject subject(around(trial, role("@report")), {});
    NEED(subject.says("up", trial.limit), subject);
    subject.signal(Signal);
    NEED(subject.says("got ", trial.limit), subject);
    const auto status = subject.ends(trial.limit);
    return status == 7 || status == 9 ? "" : fmt::format("it ended with {}", status.value_or(-1));
}

std::string hands_on(const Trial& trial, int signal, bool as_pid_1 = false) {
    Subject subject(around(trial, role("@report", "deaf")), {.pid_1 = as_pid_1});
    NEED(subject.says("up", trial.limit), subject);
    subject.signal(signal);
    NEED(subject.says("got " + name_of_signal(signal) + ' ', trial.limit), subject);
    return "";
}

std::string hands_on_each(const Trial& trial) {
    for (const int signal : {SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM, SIGTERM}) {
        Trial own = trial;  // what is killed at the end of each releases no lease
        own.folder += '/' + name_of_signal(signal);
        std::filesystem::create_directory(own.folder);
        if (const std::string wrong = hands_on(own, signal); !wrong.empty()) return name_of_signal(signal) + wrong;
    }
    return "";
}

std::string hands_on_interrupt(const Trial& trial) { return hands_on(trial, SIGINT); }
std::string hands_on_real_time(const Trial& trial) { return hands_on(trial, SIGRTMIN + 3); }

std::string hands_on_as_pid_1(const Trial& trial) { return hands_on(trial, SIGHUP, true); }

std::string reaches_the_group(const Trial& trial) {
    Subject subject(around(trial, role("@pair")), {});
    NEED(subject.says("child up", trial.limit), subject);
    // "main up" may have come before it; it answers in any case.
    subject.signal(SIGUSR1);
    NEED(subject.says("child got USR1", trial.limit), subject);
    return "";
}

bool said_already(Subject& subject, const char* text) { return subject.heard().find(text) != std::string::npos; }

std::string reaches_only_the_process(const Trial& trial) {
    Subject subject(around(trial, role("@pair")), {});
    const auto said = [&](const char* text) {
        return harness::eventually([&] { return subject.heard().find(text) != std::string::npos; }, trial.limit);
    };
    // In any order; and what says() has waited for is not heard any more.
    NEED(said("child up") && said("main up") && subject.says("child is ", trial.limit), subject);
    const pid_t child = std::atoi(subject.heard().c_str());
    subject.signal(SIGUSR1);
    NEED(said("main got USR1"), subject);
    // A signal for the group is pending for all of it at once, and this one has the higher number, so it is read later.
    kill(child, SIGWINCH);
    NEED(said("child got WINCH"), subject);
    NEED(!said_already(subject, "child got USR1"), subject);
    return "";
}

std::string rewrites(const Trial& trial) {
    Subject subject(around(trial, role("@report"), true), {});
    NEED(subject.says("up", trial.limit), subject);
    subject.signal(SIGHUP);
    NEED(subject.says("got USR1", trial.limit), subject);
    subject.signal(SIGUSR2);
    subject.signal(SIGWINCH);
    NEED(harness::eventually([&] { return subject.heard().find("got WINCH") != std::string::npos; }, trial.limit),
         subject);
    subject.signal(SIGTERM);
    NEED(subject.ends(trial.limit) == 7, subject);
    NEED(subject.heard().find("got USR2") == std::string::npos, subject);
    NEED(subject.heard().find("got HUP") == std::string::npos, subject);
    return "";
}

bool has_pending_signals(pid_t process) {
    std::istringstream status(harness::read_file(fmt::format("/proc/{}/status", process)));
    for (std::string name, mask; status >> name;) {
        if (name != "SigPnd:" && name != "ShdPnd:") continue;
        if (status >> mask && mask.find_first_not_of('0') != std::string::npos) return true;
    }
    return false;
}

std::string ignores_job_control_signals(const Trial& trial) {
    Subject subject(around(trial, role("@report")), {});
    NEED(subject.says("up", trial.limit), subject);
    for (const int signal : {SIGTTIN, SIGTTOU, SIGTSTP}) subject.signal(signal);
    // Of several that wait, the one with the lower number is taken first.
    NEED(harness::eventually([&] { return !has_pending_signals(subject.init()); }, trial.limit), subject);
    subject.signal(SIGUSR1);
    NEED(subject.says("got USR1", trial.limit), subject);
    return "";
}

std::string second_term_escalates(const Trial& trial) {
    Subject subject(around(trial, role("@report", "deaf")), {});
    NEED(subject.says("up", trial.limit), subject);
    subject.signal(SIGTERM);
    NEED(subject.says("got TERM", trial.limit), subject);
    subject.signal(SIGTERM);
    NEED(subject.ends(trial.limit) == 137, subject);
    return "";
}

bool something_is_stopped(pid_t process) {
    const std::string stat = harness::read_file(fmt::format("/proc/{}/stat", process));
    const auto end = stat.rfind(')');
    if (end != std::string::npos && stat[end + 2] == 'T') return true;
    const auto below = harness::children_of(process);
    return std::any_of(below.begin(), below.end(), something_is_stopped);
}

std::string wakes_what_is_stopped(const Trial& trial) {
    Subject subject(around(trial, {"sh", "-c", "kill -STOP $$; exit 1"}), {});
    NEED(harness::eventually([&] { return something_is_stopped(subject.init()); }, trial.limit), subject);
    subject.signal(SIGTERM);
    NEED(subject.ends(trial.limit) == 143, subject);
    return "";
}

std::string reaps_as_pid_1(const Trial& trial) {
    Subject subject(around(trial, role("@orphans", "3000")), {.pid_1 = true});
    NEED(subject.ends(trial.limit * 3) == 0, subject);
    return "";
}

// Under a subreaper, not PID 1.
std::string reaps_orphans(const Trial& trial) {
    Subject subject(around(trial, role("@orphans", "300")), {});
    NEED(subject.says("zombies=", trial.limit), subject);
    NEED(subject.ends(trial.limit) == 0, subject);
    return "";
}

pid_t daemon_of(Subject& subject, const Trial& trial) {
    if (!subject.says("daemon=", trial.limit)) return -1;
    harness::eventually([&] { return subject.heard().find('\n') != std::string::npos; }, trial.limit);
    return std::atoi(subject.heard().c_str());
}

// Seen right after the init's end: a process that was killed is gone or a zombie.
bool alive(pid_t process) {
    const std::string stat = harness::read_file(fmt::format("/proc/{}/stat", process));
    const auto end = stat.rfind(')');
    return end != std::string::npos && stat[end + 2] != 'Z' && stat[end + 2] != 'X';
}

std::string nothing_survives(const Trial& trial) {
    Subject subject(around(trial, role("@daemon")), {});
    const pid_t daemon = daemon_of(subject, trial);
    NEED(daemon > 0, subject);
    NEED(subject.ends(trial.limit) == 0, subject);
    NEED(!alive(daemon), subject);
    return "";
}

std::string nothing_survives_pid_1(const Trial& trial) {
    Subject subject(around(trial, role("@daemon")), {.pid_1 = true});
    NEED(daemon_of(subject, trial) > 0, subject);
    NEED(subject.ends(trial.limit) == 0, subject);
    return "";
}

std::string streams_are_inherited(const Trial& trial) {
    Subject subject(around(trial, {"sh", "-c", "cat; echo problem >&2"}), {});
    subject.type("one\n");
    NEED(subject.says("one\n", trial.limit), subject);
    subject.type("two\n");
    subject.close_input();
    NEED(subject.says("two\n", trial.limit), subject);
    NEED(subject.ends(trial.limit) == 0, subject);
    NEED(subject.errors() == "problem\n", subject);
    return "";
}

std::string clean_signals(const Trial& trial) {
    Subject subject(around(trial, role("@signals")), {});
    NEED(subject.says("blocked=0 ignored=0", trial.limit), subject);
    return "";
}

std::string clean_signals_in_spite(const Trial& trial) {
    Subject subject(around(trial, role("@signals")), {.dirty = true});
    NEED(subject.says("blocked=0 ignored=0", trial.limit), subject);
    return "";
}

}  // namespace

std::vector<Row> process_rows() {
    using enum Init;
    const std::vector<Init> all = {leasehold, leasehold_process, tini, tini_group, dumb_init, dumb_init_single};
    return {
        {"exit_code_0", exit_code_0, all, {}},
        {"exit_code_42", exit_code_42, all, {shell}},
        {"death_by_KILL", death_by_kill, all, {shell}},
        {"death_by_TERM", death_by_term, all, {shell}},
        {"not_found_127", not_found, {leasehold, tini, tini_group}, {dumb_init, dumb_init_single}},
        {"not_executable_126", not_executable, {leasehold, tini, tini_group}, {dumb_init, dumb_init_single}},
        {"ends_by_TERM", ends_by<SIGTERM>, all, {deaf, shell}},
        {"ends_by_INT", ends_by<SIGINT>, all, {deaf, shell}},
        {"hands_on_each", hands_on_each, all, {deaf, shell}},
        {"hands_on_INT", hands_on_interrupt, {tini, tini_group, dumb_init, dumb_init_single}, {leasehold, deaf}},
        {"hands_on_real_time", hands_on_real_time, all, {deaf}},
        {"hands_on_as_pid_1", hands_on_as_pid_1, all, {deaf, shell}, true},
        {"reaches_the_group",
         reaches_the_group,
         {leasehold, tini_group, dumb_init},
         {leasehold_process, tini, dumb_init_single}},
        {"reaches_only_the_process",
         reaches_only_the_process,
         {leasehold_process, tini, dumb_init_single},
         {leasehold, tini_group, dumb_init}},
        {"rewrites", rewrites, {leasehold, leasehold_process, dumb_init, dumb_init_single}, {tini, tini_group}},
        {"ignores_job_control_signals", ignores_job_control_signals, {leasehold}, {tini, dumb_init}},
        {"second_TERM_escalates", second_term_escalates, {leasehold, leasehold_process}, {tini, dumb_init}},
        {"wakes_what_is_stopped", wakes_what_is_stopped, {leasehold, leasehold_process}, {tini, dumb_init}},
        {"reaps_3000_as_pid_1", reaps_as_pid_1, all, {no_reaper}, true},
        {"reaps_orphans", reaps_orphans, {leasehold, tini}, {dumb_init, no_reaper}},
        {"nothing_survives", nothing_survives, {leasehold, leasehold_process}, {tini, tini_group, dumb_init, deaf}},
        {"nothing_survives_pid_1", nothing_survives_pid_1, all, {}, true},
        {"streams_are_inherited", streams_are_inherited, all, {shell}},
        {"clean_signals", clean_signals, all, {leaky}},
        {"clean_signals_in_spite",
         clean_signals_in_spite,
         {leasehold, leasehold_process, dumb_init, dumb_init_single},
         {tini, leaky}},
    };
}

}  // namespace leasehold::init_test
