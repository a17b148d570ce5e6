// SPDX-License-Identifier: Apache-2.0
//
// For the section "init": the inits that are compared, each as its users start it, and one run of one of them around
// bench/workload.cpp.
//
// Threads: the main one. What cannot be done is thrown as std::runtime_error. Whoever uses Run has made this process a
// subreaper, and has no other children: whatever is left below it at the end of a run is killed.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/prctl.h>
#include <sys/types.h>

#include "base/fd.h"
#include "bench/workload_page.h"
#include "tests/harness/candidate.h"

namespace leasehold::bench {

enum class Tool { none, reaper, tini, tini_group, dumb_init, s6, leasehold };

struct Init {
    Tool tool = Tool::none;
    std::string name = {};
    std::string containment = {};  // of leasehold
    std::string program = {};      // of leasehold; empty: the one that uses the system's libraries
    std::string remark = {};
};

inline constexpr std::chrono::milliseconds kGrace{1000};  // of leasehold and of s6, where a run asks for it

// Those that are installed, and leasehold with "auto" containment first of its forms.
std::vector<Init> inits_for_commands();
// leasehold with each containment that works here, and those with which a tree can be compared.
std::vector<Init> inits_for_trees();

std::chrono::nanoseconds monotonic(std::int64_t nanoseconds);
double milliseconds(std::chrono::nanoseconds time);
// Looks every 50 us. False when it does not happen in time.
bool soon(const std::function<bool()>& condition, std::chrono::milliseconds limit = std::chrono::seconds(60));

class Run {
public:
    struct Options {
        std::vector<std::string> workload;  // role and further arguments of bench_workload: "@" becomes the FIFO's path
        bool as_pid_1 = false;              // in a PID namespace of its own, made by unshare(1)
    };
    Run(const Init& init, const Options& options);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    // Just before the init was executed.
    std::chrono::nanoseconds begun() const { return begun_; }
    const WorkloadPage& page() const { return *page_; }
    // Waits for so many processes of the workload. Throws when they do not come.
    void wait_for(std::uint32_t processes) const;
    // To the init. When it was sent.
    std::chrono::nanoseconds signal(int number) const;
    // When the init had ended, and was reaped: at most the limit from now. Nothing when it goes on.
    std::optional<std::chrono::nanoseconds> ended(std::chrono::milliseconds limit);
    // The same, and when the last process had ended that held the FIFO open, and when leasehold's record bore its
    // release mark. At most the limit from now, and once the init has ended at most half a second more.
    struct Ends {
        std::optional<std::chrono::nanoseconds> init = {};
        std::optional<std::chrono::nanoseconds> tree = {};
        std::optional<std::chrono::nanoseconds> released = {};
    };
    Ends ends(std::chrono::milliseconds limit);
    // Of the workload, wherever they are below this process.
    int survivors() const;

private:
    void spawn(const std::vector<std::string>& arguments);

    harness::TempFolder folder_;
    WorkloadPage* page_ = nullptr;
    UniqueFd fifo_;
    UniqueFd process_;
    pid_t started_ = -1;
    pid_t init_ = -1;
    std::chrono::nanoseconds begun_{};
    std::optional<std::chrono::nanoseconds> ended_;
};

// For as long as this object lives orphans below this process become its children.
class Subreaper {
public:
    Subreaper() { prctl(PR_SET_CHILD_SUBREAPER, 1); }
    ~Subreaper() { prctl(PR_SET_CHILD_SUBREAPER, 0); }
    Subreaper(const Subreaper&) = delete;
    Subreaper& operator=(const Subreaper&) = delete;
};

}  // namespace leasehold::bench
