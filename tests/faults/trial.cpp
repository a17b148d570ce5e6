// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/trial.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>
#include <thread>
#include <utility>

#include <fmt/core.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faults/judge.h"
#include "tests/faults/surroundings.h"

namespace leasehold::faults {
namespace {

using harness::Candidate;
using harness::eventually;

constexpr milliseconds kPatience = std::chrono::seconds(30);
constexpr milliseconds kTimeToEnd = std::chrono::seconds(10);

// Servers on the same machine need longer than a file, above all while several trials begin.
const harness::TestTiming kOnServers{"2s", "1200ms", "150ms", ""};

harness::TestTiming timing_of(const Row& row, const TrialStore& store) {
    const bool chosen = row.setup.timing.lease != harness::TestTiming().lease;
    return store.kind && !chosen ? kOnServers : row.setup.timing;
}

std::size_t count_trees(const std::vector<harness::Stint>& stints) {
    std::set<std::uint64_t> trees;
    for (const harness::Stint& stint : stints) trees.insert(stint.tree);
    return trees.size();
}

// Everything below this process that is not a zombie.
std::vector<pid_t> living_below_us() {
    std::vector<pid_t> living;
    for (const pid_t process : harness::descendants_of(getpid())) {
        if (harness::lives(process)) living.push_back(process);
    }
    return living;
}

}  // namespace

Trial::Trial(const Row& row, const TrialStore& store, std::string containment, int repetition)
    : row_(row),
      store_(store),
      timing_(timing_of(row, store)),
      containment_(std::move(containment)),
      repetition_(repetition),
      lease_(folder_.path("store/test.lease")) {
    // Nothing of a parallel trial may be taken for something of this one: each is an election of its own.
    const std::string folder = folder_.path();
    election_ = "test-" + folder.substr(folder.rfind('-') + 1);
    outcome_.variant = row.variants[static_cast<std::size_t>(repetition) % row.variants.size()];
}

Trial::~Trial() {
    end();
    for (const std::string& folder : {cgroup_, freezer_}) {
        if (!folder.empty()) remove_cgroup(folder);
    }
}

void Trial::prepare() {
    std::filesystem::create_directory(folder_.path("store"));
    if (row_.setup.own_mounts) {
        unshare_mounts();
        mount_small_disk(folder_.path("store"), "256k");
    }
    if (row_.setup.pid_1 && !namespaces_are_permitted()) throw Skipped{"no PID namespace can be made here"};
    board_ = std::make_unique<harness::Board>(folder_.path("board"));
    if (row_.setup.in_cgroups) {
        cgroup_ = make_cgroup("");
        freezer_ = make_cgroup("freezer");
        if (cgroup_.empty()) throw Skipped{"no cgroup v2 can be made here"};
    }
    if (row_.setup.own_servers) own_servers_ = store_.kind->start();
}

// Empty: the file.
std::string Trial::store_option(const std::string& candidate) {
    if (!store_.kind) return "";
    const std::vector<int> ports = any_servers().client_ports();
    if (!own_servers_) return any_servers().store_option(ports);
    auto& ways = ways_[candidate];
    ways = std::make_unique<servers::Relays>(ports);
    return any_servers().store_option(ways->ports());
}

std::unique_ptr<Candidate> Trial::start(const std::string& name, const std::string& containment) {
    const bool leads = name == "leader";
    const bool apart = !leads && row_.setup.apart && namespaces_are_permitted();
    const std::string own_containment = apart ? "subreaper" : containment_;
    Candidate::Options options;
    options.folder = folder_.path();
    options.name = name;
    options.election = election_;
    options.store = store_option(name);
    options.command = {harness::stamper_program(), folder_.path("board")};
    for (const std::string& option : stamper_options(outcome_.variant)) options.command.push_back(option);
    options.timing = timing_;
    options.lease = lease_;
    options.workload = fmt::format("  stop: {{grace_period: {}ms}}\n  containment: {}\n", row_.setup.grace_ms,
                                   containment.empty() ? own_containment : containment);
    if (row_.setup.unsafe) options.program = unsafe_program();
    if (leads) options.launcher = row_.setup.launcher;
    if (leads && row_.setup.pid_1) {
        options.launcher = {"unshare", "--pid", "--fork", "--mount-proc"};
    } else if (apart) {
        options.launcher = {
            "unshare",
            "--pid",
            "--fork",
            "--mount-proc",
            "sh",
            "-c",
            "for m in $(awk '$3 == \"cgroup2\" {print $2}' /proc/mounts); do umount -l $m; done; exec \"$@\"",
            "sh"};
    } else if (leads && row_.setup.in_cgroups) {
        options.launcher = {"sh", "-c", R"(for folder in $0; do echo $$ > "$folder/cgroup.procs"; done; exec "$@")",
                            cgroup_ + ' ' + freezer_};
    }
    return std::make_unique<Candidate>(options);
}

void Trial::begin() {
    leader_ = start("leader");
    const std::size_t stints = stamper_slots(outcome_.variant);
    if (!eventually([&] { return board_->runs().size() >= stints || !leader_->process().running(); }) ||
        board_->runs().size() < stints) {
        throw Failed{"the first leader does not start"};
    }
    guardian_ = leader_->guardian();
    supervisor_ = leader_->role("leasehold-super");
    agent_ = leader_->role("leasehold-agent");
    if (row_.setup.standby) {
        standby_ = start("standby");
        expect_log(*standby_, "holds the lease");
    }
    trees_before_ = trees();
}

Outcome Trial::run() {
    try {
        prepare();
        begin();
        row_.play(*this);
        pass(milliseconds(row_.setup.watch_ms));
    } catch (const Failed& failed) {
        outcome_.problem = failed.why;
    } catch (const Skipped& skipped) {
        outcome_.skipped = skipped.why;
    } catch (const std::exception& problem) {
        outcome_.problem = problem.what();
    }
    if (board_) outcome_.alive_together = board_->living_trees().size() > 1;
    end();
    if (board_) collect();
    return outcome_;
}

void Trial::end() {
    if (std::exchange(ended_, true)) return;
    end_began_ = harness::monotonic_now();
    thaw(cgroup_);
    thaw(freezer_);
    for (const pid_t process : living_below_us()) kill(process, SIGCONT);
    for (const auto* candidate : {&leader_, &standby_}) {
        if (*candidate && (*candidate)->process().running()) {
            if (const pid_t guardian = (*candidate)->guardian(); guardian > 0) kill(guardian, SIGTERM);
        }
    }
    for (const auto* candidate : {&leader_, &standby_}) {
        if (!*candidate || (*candidate)->process().wait(kTimeToEnd) || !outcome_.skipped.empty()) continue;
        if (outcome_.problem.empty()) outcome_.problem = (*candidate)->name() + " does not end when asked to";
    }
    own_servers_.reset();
    // What ends a moment after its guardian: an agent or a supervisor that was left alone.
    eventually([] { return living_below_us().empty(); },
               milliseconds(row_.promise(containment_, outcome_.variant) == Promise::kept ? 5000 : 100));
    if (board_ && !board_->living_trees().empty() && outcome_.problem.empty() &&
        row_.promise(containment_, outcome_.variant) == Promise::kept) {
        outcome_.problem = "something of a workload is alive after both candidates have ended";
    }
    kill_what_is_left();
}

void Trial::kill_what_is_left() {
    eventually([] {
        for (const pid_t process : living_below_us()) kill(process, SIGKILL);
        for (;;) {
            const pid_t reaped = waitpid(-1, nullptr, WNOHANG);
            if (reaped < 0 && errno == ECHILD) return true;
            if (reaped <= 0) return false;
        }
    });
}

void Trial::collect() {
    std::vector<harness::Stint> stints = board_->runs();
    const Judgement judgement = judge(stints, row_.setup.frozen);
    outcome_.overlap_ms = judgement.overlap_ms;
    // Who takes over while the trial itself ends everything says nothing about the fault.
    std::erase_if(stints, [&](const harness::Stint& stint) { return stint.first > end_began_; });
    outcome_.nobody_ran_ms = judge(stints, row_.setup.frozen).nobody_ran_ms;
    outcome_.thawed_ms = judgement.thawed_ms;
    std::string broken = judgement.problem;
    if (broken.empty() && outcome_.alive_together && !row_.setup.frozen) broken = "two trees are alive at the end";
    switch (row_.promise(containment_, outcome_.variant)) {
        case Promise::kept:
            if (!broken.empty()) outcome_.problem = broken;
            break;
        case Promise::limited: break;
        case Promise::must_overlap:
            outcome_.problem = judgement.overlap_ms > 0 ? "" : "no overlap was found: the suite is blind";
            break;
    }
    if (outcome_.problem.empty()) return;
    for (const auto* candidate : {&leader_, &standby_}) {
        if (*candidate) outcome_.log += fmt::format("--- {}\n{}", (*candidate)->name(), (*candidate)->log());
    }
}

std::optional<std::string> Trial::record() {
    if (store_.kind) return any_servers().text(election_);
    const std::string text = harness::read_file(lease_);
    return text.empty() ? std::nullopt : std::optional(text);
}

void Trial::put_record(const std::string& text) {
    if (store_.kind) return any_servers().put(election_, text);
    harness::write_file(lease_ + ".new", text);
    std::filesystem::rename(lease_ + ".new", lease_);
}

void Trial::remove_record() {
    if (store_.kind) return any_servers().remove(election_);
    std::filesystem::remove(lease_);
}

// ---- what rows use ------------------------------------------------------------------------------------------------

pid_t Trial::pid_of(Part part) const {
    switch (part) {
        case Part::guardian: return guardian_;
        case Part::supervisor: return supervisor_;
        case Part::agent: return agent_;
    }
    return guardian_;
}

pid_t Trial::standbys(Part part) {
    switch (part) {
        case Part::guardian: return standby_->guardian();
        case Part::supervisor: return standby_->role("leasehold-super");
        case Part::agent: return standby_->role("leasehold-agent");
    }
    return 0;
}

void Trial::signal(Part part, int number) const { kill(pid_of(part), number); }

void Trial::signal_workload(int number) const {
    for (const pid_t process : harness::descendants_of(supervisor_)) kill(process, number);
}

std::vector<pid_t> Trial::whole_leader() const {
    std::vector<pid_t> all = harness::descendants_of(guardian_);
    all.insert(all.begin(), guardian_);
    return all;
}

std::size_t Trial::trees() const { return count_trees(board_->runs()); }

void Trial::expect_successor(milliseconds limit) {
    if (!eventually([&] { return trees() > trees_before_; }, limit)) throw Failed{"no successor"};
    trees_before_ = trees();
}

bool Trial::still_stamping(milliseconds within) const {
    const auto since = harness::monotonic_now();
    return eventually(
        [&] {
            const auto runs = board_->runs();
            return std::any_of(runs.begin(), runs.end(), [&](const auto& run) { return run.last > since; });
        },
        within);
}

void Trial::expect_same_for(milliseconds length) {
    pass(length);
    if (trees() != trees_before_) throw Failed{"another tree has begun"};
    if (!still_stamping(std::chrono::seconds(5))) throw Failed{"the workload does not run any more"};
}

void Trial::expect_no_more_trees(milliseconds length) {
    pass(length);
    if (trees() != trees_before_) throw Failed{"another tree has begun"};
}

void Trial::expect_status(Candidate& candidate, int status) {
    const auto ended = candidate.process().wait(kPatience);
    if (!ended) throw Failed{candidate.name() + " does not end"};
    if (*ended != status) throw Failed{fmt::format("{} ended with {} instead of {}", candidate.name(), *ended, status)};
}

void Trial::expect_end(Candidate& candidate) {
    if (!candidate.process().wait(kPatience)) throw Failed{candidate.name() + " does not end"};
}

void Trial::expect_log(Candidate& candidate, const std::string& text) {
    if (!eventually([&] { return candidate.log().find(text) != std::string::npos; }, kPatience)) {
        throw Failed{fmt::format("{} does not say: {}", candidate.name(), text)};
    }
}

void Trial::wait_until_gone(pid_t process) {
    if (!eventually([&] { return !harness::lives(process); }, kPatience)) {
        throw Failed{fmt::format("process {} lives on", process)};
    }
}

milliseconds Trial::leases(double count) const {
    const bool whole_seconds = !timing_.lease.ends_with("ms");
    const double lease = std::stod(timing_.lease) * (whole_seconds ? 1000 : 1);
    return milliseconds(static_cast<milliseconds::rep>(lease * count));
}

void Trial::pass(milliseconds length) { std::this_thread::sleep_for(length); }

Outcome play(const Row& row, const TrialStore& store, const std::string& containment, int repetition) {
    try {
        Trial trial(row, store, containment, repetition);
        return trial.run();
    } catch (const std::exception& problem) {
        Outcome outcome;
        outcome.problem = problem.what();
        return outcome;
    }
}

}  // namespace leasehold::faults
