// SPDX-License-Identifier: Apache-2.0
//
// A machine that has too much to do, or too little left to give.
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faults/surroundings.h"
#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

constexpr int kBusy = 20;
constexpr rlim_t kMemory = 24 << 20;
const std::string kLoad = "overload: 20 busy processes, lease of 5 s";
const std::string kExhausted = "exhausted resources";

// Processes of the test itself, killed with the object.
class Helpers {
public:
    Helpers() = default;
    Helpers(const Helpers&) = delete;
    Helpers& operator=(const Helpers&) = delete;
    ~Helpers() {
        for (const pid_t process : processes_) {
            kill(process, SIGKILL);
            waitpid(process, nullptr, 0);
        }
    }
    void add(const std::function<void()>& what) {
        const pid_t process = fork();
        if (process == 0) {
            what();
            _exit(0);
        }
        processes_.push_back(process);
    }

private:
    std::vector<pid_t> processes_;
};

void be_busy() {
    for (volatile unsigned long turns = 0;;) turns = turns + 1;
}

Row busy(const std::string& fault, const std::string& expected, std::function<void(Trial&)> play) {
    Row row{.subject = kLoad,
            .fault = fault,
            .expected = expected,
            .play =
                [play = std::move(play)](Trial& trial) {
                    Helpers helpers;
                    for (int i = 0; i < kBusy; ++i) helpers.add(be_busy);
                    play(trial);
                },
            .variants = few_variants(),
            .setup = {.timing = {"5s", "3500ms", "700ms"}},
            .containments = {}};
    row.alone = true;
    row.quick = false;
    row.most_repetitions = 4;
    return row;
}

// So that the process gets no further one, but could use again one that it closes.
rlim_t lowest_free_descriptor(pid_t process) {
    rlim_t lowest = 0;
    while (access(fmt::format("/proc/{}/fdinfo/{}", process, lowest).c_str(), F_OK) == 0) ++lowest;
    return lowest;
}

Row without_descriptors(const std::string& who, Part part, const std::string& then, std::function<void(Trial&)> play,
                        bool may_replace = true) {
    return {.subject = kExhausted,
            .fault = who + (may_replace ? " has no descriptor left, " : " may open nothing at all, ") + then,
            .expected = "no overlap; led in the end",
            .play =
                [part, play = std::move(play), may_replace](Trial& trial) {
                    const pid_t process = trial.pid_of(part);
                    rlimit before{};
                    prlimit(process, RLIMIT_NOFILE, nullptr, &before);
                    const rlimit none{may_replace ? lowest_free_descriptor(process) : 0, before.rlim_max};
                    if (prlimit(process, RLIMIT_NOFILE, &none, nullptr) != 0) throw Skipped{"prlimit is not permitted"};
                    play(trial);
                    prlimit(process, RLIMIT_NOFILE, &before, nullptr);
                    Trial::pass(trial.leases(2));
                    if (!trial.still_stamping(std::chrono::seconds(10))) throw Failed{"nobody leads"};
                },
            .variants = few_variants(),
            .setup = {.grace_ms = 300}};
}

// Takes memory until there is none, and is the last one to be killed for it.
void take_memory(const std::string& cgroup) {
    write_to("/proc/self/oom_score_adj", "-1000");
    write_to(cgroup + "/cgroup.procs", std::to_string(getpid()));
    for (;;) {
        constexpr std::size_t kBlock = 1 << 20;
        if (void* block = std::malloc(kBlock); block != nullptr) std::memset(block, 1, kBlock);
        usleep(1000);
    }
}

Row without_memory() {
    Row row{.subject = kExhausted,
            .fault = "no memory left in its cgroup: whom the kernel kills",
            .expected = "no overlap; led in the end",
            .play =
                [](Trial& trial) {
                    const std::string cgroup = make_cgroup("memory");
                    if (cgroup.empty()) throw Skipped{"no cgroup with a limit of memory can be made here"};
                    try {
                        if (!write_to(cgroup + "/memory.limit_in_bytes", std::to_string(kMemory))) {
                            throw Skipped{"no limit of memory can be set here"};
                        }
                        for (const pid_t process : trial.whole_leader()) {
                            write_to(cgroup + "/cgroup.procs", std::to_string(process));
                        }
                        Helpers helpers;
                        helpers.add([&] { take_memory(cgroup); });
                        Trial::pass(trial.leases(4));
                    } catch (...) {
                        remove_cgroup(cgroup);
                        throw;
                    }
                    if (!trial.still_stamping(std::chrono::seconds(10))) throw Failed{"nobody leads"};
                    for (const pid_t process : trial.whole_leader()) {
                        write_to(cgroup + "/../cgroup.procs", std::to_string(process));
                    }
                    remove_cgroup(cgroup);
                },
            .variants = few_variants(),
            .containments = {}};
    row.quick = false;
    // When the kernel kills all of them, what has forked from the workload is left.
    row.limited = {"auto"};
    return row;
}

void stop_leader(Trial& trial) {
    trial.signal(Part::guardian, SIGTERM);
    trial.expect_successor();
}

void kill_supervisor(Trial& trial) {
    trial.signal(Part::supervisor, SIGKILL);
    Trial::pass(trial.leases(2));
}

}  // namespace

std::vector<Row> rows_of_load() {
    const auto nothing = [](Trial& trial) { Trial::pass(trial.leases(2)); };
    return {
        without_descriptors("agent", Part::agent, "for two leases", nothing),
        without_descriptors("supervisor", Part::supervisor, "for two leases", nothing),
        without_descriptors("guardian", Part::guardian, "for two leases", nothing),
        without_descriptors("supervisor", Part::supervisor, "then SIGTERM", stop_leader),
        without_descriptors("supervisor", Part::supervisor, "then agent: SIGSTOP",
                            [](Trial& trial) {
                                trial.signal(Part::agent, SIGSTOP);
                                trial.expect_successor();
                            }),
        without_descriptors("guardian", Part::guardian, "then supervisor: SIGKILL", kill_supervisor),
        without_descriptors("guardian", Part::guardian, "then supervisor: SIGKILL", kill_supervisor, false),
        without_descriptors("supervisor", Part::supervisor, "then SIGTERM", stop_leader, false),
        without_memory(),
        busy("for 15 s", "no step-down: the same process runs on",
             [](Trial& trial) {
                 trial.expect_same_for(std::chrono::seconds(15));
                 if (trial.leader().log().find("could not renew") != std::string::npos) throw Failed{"a step-down"};
             }),
        busy("SIGTERM", "successor at once", stop_leader),
        busy("supervisor: SIGKILL", "successor at once",
             [](Trial& trial) {
                 trial.signal(Part::supervisor, SIGKILL);
                 trial.expect_successor();
             }),
        busy("agent: SIGKILL", "the same process runs on",
             [](Trial& trial) {
                 trial.signal(Part::agent, SIGKILL);
                 trial.expect_same_for(std::chrono::seconds(6));
             }),
        busy("agent: SIGSTOP", "successor after the lease",
             [](Trial& trial) {
                 trial.signal(Part::agent, SIGSTOP);
                 trial.expect_successor();
             }),
    };
}

}  // namespace leasehold::faults
