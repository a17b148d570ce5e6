// SPDX-License-Identifier: Apache-2.0
//
// Clocks, for real. (With clocks handed in: tests/core and tests/sim.) What changes the machine's clocks is only played
// when asked for, and restored whatever happens to the test.
#include <csignal>
#include <cstdlib>

#include <fmt/core.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/faults/judge.h"
#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::duration<double, std::milli> kLease{1000};
constexpr std::chrono::duration<double, std::milli> kRetry{100};
constexpr long kTick = 10000;  // microseconds of clock a tick, of which there are 100 a second
constexpr std::chrono::seconds kStep = std::chrono::hours(1);
const std::string kClocks = "clocks";

nanoseconds read_clock(clockid_t clock) {
    timespec reading{};
    clock_gettime(clock, &reading);
    return std::chrono::seconds(reading.tv_sec) + nanoseconds(reading.tv_nsec);
}

struct Both {
    nanoseconds boot = read_clock(CLOCK_BOOTTIME);
    nanoseconds raw = read_clock(CLOCK_MONOTONIC_RAW);
};

// Undoes something when it is destroyed, or when this process dies without having done so: another process, in a
// session of its own, waits for the end of a pipe.
class Undo {
public:
    explicit Undo(std::function<void()> what) {
        int ends[2];
        if (pipe(ends) != 0) throw Skipped{"no pipe can be made"};
        guard_ = fork();
        if (guard_ == 0) {
            setsid();
            for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_IGN);
            close(ends[1]);
            char byte = 0;
            while (read(ends[0], &byte, 1) > 0) {
            }
            what();
            _exit(0);
        }
        close(ends[0]);
        alive_ = ends[1];
    }
    ~Undo() {
        close(alive_);
        waitpid(guard_, nullptr, 0);
    }
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;

private:
    pid_t guard_ = -1;
    int alive_ = -1;
};

void set_tick(long tick) {
    timex wanted{};
    wanted.modes = ADJ_TICK;
    wanted.tick = tick;
    if (adjtimex(&wanted) < 0) throw Skipped{"the clock's rate may not be changed here"};
}

// The agent is stopped while the boot clock runs at another rate than the raw one. Whichever clock is believed, the
// tree must be gone before a lease has passed since, and no successor may begin before it has (less a retry period,
// for the last renewal was so much earlier).
void stop_agent_on_slewed_clock(Trial& trial, double rate) {
    timex now{};
    if (adjtimex(&now) < 0) throw Skipped{"the clock's rate cannot be read here"};
    const Undo undo([tick = now.tick] { set_tick(tick); });
    set_tick(static_cast<long>(kTick * rate));
    trial.pass(milliseconds(300));  // renewals under the new rate

    const Both stopped;
    trial.signal(Part::agent, SIGSTOP);
    if (!harness::eventually([&] { return !trial.still_stamping(milliseconds(3)); })) throw Failed{"it is not stopped"};
    const Both gone;
    trial.expect_successor();
    const Both succeeded;

    const double boot = milliseconds_of(succeeded.boot - stopped.boot);
    const double raw = milliseconds_of(succeeded.raw - stopped.raw);
    if (std::abs(boot / raw - rate) > 0.02) {
        throw Skipped{fmt::format("the kernel did not change the rate: {:.3f}", boot / raw)};
    }
    for (const double left : {milliseconds_of(gone.boot - stopped.boot), milliseconds_of(gone.raw - stopped.raw)}) {
        if (left >= kLease.count()) throw Failed{fmt::format("the tree was gone only after {:.1f} ms", left)};
    }
    for (const double waited : {boot, raw}) {
        if (waited < (kLease - kRetry * 1.5).count()) {
            throw Failed{fmt::format("the successor waited only {:.1f} ms", waited)};
        }
    }
}

Row slewed(const std::string& fault, double rate) {
    Row row{.subject = kClocks,
            .fault = fault + ", agent: SIGSTOP",
            .expected = "gone in time by both clocks",
            .play = [rate](Trial& trial) { stop_agent_on_slewed_clock(trial, rate); },
            .containments = {}};
    row.changes_clocks = true;
    row.alone = true;
    row.most_repetitions = 3;
    return row;
}

void step_wall_clock(std::chrono::seconds step) {
    const nanoseconds wanted = read_clock(CLOCK_REALTIME) + step;
    const timespec time{std::chrono::duration_cast<std::chrono::seconds>(wanted).count(),
                        static_cast<long>((wanted % std::chrono::seconds(1)).count())};
    if (clock_settime(CLOCK_REALTIME, &time) != 0) throw Skipped{"the wall clock may not be set here"};
}

// To what it would show now if nobody had touched it.
void restore_wall_clock(nanoseconds wall, nanoseconds boot) {
    const nanoseconds now = wall + (read_clock(CLOCK_BOOTTIME) - boot);
    const timespec time{std::chrono::duration_cast<std::chrono::seconds>(now).count(),
                        static_cast<long>((now % std::chrono::seconds(1)).count())};
    clock_settime(CLOCK_REALTIME, &time);
}

Row wall_clock() {
    Row row{.subject = kClocks,
            .fault = "wall clock an hour ahead, then an hour behind",
            .expected = "the same process runs on",
            .play =
                [](Trial& trial) {
                    const nanoseconds wall = read_clock(CLOCK_REALTIME);
                    const nanoseconds boot = read_clock(CLOCK_BOOTTIME);
                    const Undo undo([=] { restore_wall_clock(wall, boot); });
                    step_wall_clock(kStep);
                    trial.expect_same_for(milliseconds(1500));
                    step_wall_clock(-2 * kStep);
                    trial.expect_same_for(milliseconds(1500));
                },
            .containments = {}};
    row.changes_clocks = true;
    row.alone = true;
    row.most_repetitions = 2;
    return row;
}

Row in_time_namespace(const std::string& fault, const std::string& expected, Part part, int number) {
    Row row{.subject = kClocks,
            .fault = "leader in a time namespace, a day ahead: " + fault,
            .expected = expected,
            .play =
                [part, number](Trial& trial) {
                    trial.signal(part, number);
                    trial.expect_successor();
                },
            .variants = few_variants(),
            .containments = {}};
    row.setup.launcher = {"unshare", "--time", "--fork", "--boottime", "86400"};
    return row;
}

}  // namespace

std::vector<Row> rows_of_clocks() {
    return {in_time_namespace("SIGTERM", "successor at once", Part::guardian, SIGTERM),
            in_time_namespace("agent: SIGSTOP", "successor after the lease", Part::agent, SIGSTOP),
            slewed("boot clock slewed to run 10 % faster", 1.1), slewed("boot clock slewed to run 10 % slower", 0.9),
            wall_clock()};
}

}  // namespace leasehold::faults
