// SPDX-License-Identifier: Apache-2.0
//
// What guardian and supervisor do again and again: terms extended, messages, looks at a tree of processes, log lines.
#include <csignal>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/messages.h"
#include "supervisor/process_tree.h"
#include "supervisor/term_machine.h"

namespace leasehold::bench {
namespace {

using namespace supervisor;
using namespace std::chrono_literals;

void term_extended(benchmark::State& state) {
    TermMachine machine({.grace_period = 10s, .recheck = 100ms});
    Duration passed = 1s;
    const auto grant = [&] {
        const Instant now{passed, passed};
        return machine.on_grant(now, {.term = 1, .token = 1, .transitions = 1, .soft = now + 10s, .hard = now + 14s});
    };
    grant();
    for (auto _ : state) {
        passed += 2s;
        benchmark::DoNotOptimize(grant());
        benchmark::DoNotOptimize(machine.wake({passed, passed}));
    }
    if (machine.phase() != TermMachine::Phase::running) state.SkipWithError("the term has ended");
}
BENCHMARK(term_extended);

void message_sent_and_received(benchmark::State& state) {
    const auto pair = Channel::pair();
    if (!pair) return state.SkipWithError("no socket");
    const GrantMessage message{.grant = {.term = 1, .token = 1, .transitions = 1, .soft = {}, .hard = {}}};
    for (auto _ : state) {
        if (!pair->first.send(message)) return state.SkipWithError("not sent");
        const auto received = pair->second.receive();
        if (!received || !*received) return state.SkipWithError("not received");
    }
}
BENCHMARK(message_sent_and_received);

// Children of this process that wait, for as long as the object lives.
class Children {
public:
    explicit Children(std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
            const pid_t child = fork();
            if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;) pause();
            }
            if (child > 0) pids_.push_back(child);
        }
    }
    ~Children() {
        for (const pid_t child : pids_) kill(child, SIGKILL);
        for (const pid_t child : pids_) waitpid(child, nullptr, 0);
    }
    Children(const Children&) = delete;
    Children& operator=(const Children&) = delete;

private:
    std::vector<pid_t> pids_;
};

void look_at_a_tree(benchmark::State& state, Search search) {
    const Children children(state.range(0));
    for (auto _ : state) {
        const auto found = descendants(getpid(), {}, search);
        if (found.size() != static_cast<std::size_t>(state.range(0))) return state.SkipWithError("not all were found");
    }
}
BENCHMARK_CAPTURE(look_at_a_tree, by_lists, Search::best)->Arg(1)->Arg(100);
BENCHMARK_CAPTURE(look_at_a_tree, everywhere, Search::everywhere)->Arg(1);

// On standard error, which main.cpp has sent to /dev/null.
void log_line(benchmark::State& state) {
    log::init({.level = log::Level::info, .format = state.range(0) == 0 ? log::Format::text : log::Format::json},
              "supervisor");
    for (auto _ : state) log::info("term {}: nothing of {} is left, {:.3f} s before the hard instant", 7, "it", 9.25);
}
BENCHMARK(log_line)->ArgName("json")->Arg(0)->Arg(1);

}  // namespace
}  // namespace leasehold::bench
