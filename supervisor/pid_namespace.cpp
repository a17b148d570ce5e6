// SPDX-License-Identifier: Apache-2.0
//
// A PID namespace per tree. Its init is a fork of the supervisor that does nothing but reap, and dies with the
// supervisor; with it the kernel kills everything in the namespace. The workload's own process is a child of the
// supervisor all the same, as its second process, so that process id, exit status and group work as always.
#include "supervisor/pid_namespace.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/containments.h"
#include "supervisor/leftovers.h"
#include "supervisor/mounts.h"
#include "supervisor/process_status.h"
#include "supervisor/process_tree.h"

namespace leasehold::supervisor {
namespace {

constexpr int kDrain = 0x1ea5e;  // goes with a queued signal, so that it is not mistaken for one of the workload's

int drain_signal() { return SIGRTMIN; }

// ---- in the init: async-signal-safe calls only ----------------------------------------------------------------------

[[noreturn]] void be_init(int supervisor) {
    prctl(PR_SET_NAME, "lease-init");
    // From here on the kernel does it; it may have ended before. The parent's number is no help: it is 0 in here.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || has_ended(supervisor)) _exit(1);
    sigset_t all;
    sigfillset(&all);
    setsid();
    if (chdir("/") != 0) _exit(1);  // it holds no file system busy, and no descriptor
    if (close_range(0, ~0U, 0) != 0) _exit(1);
    for (bool draining = false;;) {
        pid_t reaped = 0;
        do {
            reaped = waitpid(-1, nullptr, WNOHANG | __WALL);
        } while (reaped > 0);
        if (draining && reaped < 0 && errno == ECHILD) _exit(0);
        siginfo_t info{};
        const int signal = sigwaitinfo(&all, &info);
        // Nobody inside can send that: whoever is outside has the number 0 here.
        if (signal == drain_signal() && info.si_code == SI_QUEUE && info.si_pid == 0 &&
            info.si_value.sival_int == kDrain) {
            draining = true;
        }
    }
}

// Born with every signal blocked: what is blocked is kept for sigwaitinfo(2), even for an init. A signal that came
// before it could block any would be lost.
pid_t fork_init(int supervisor) {
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t init = fork();
    const int problem = errno;
    if (init == 0) be_init(supervisor);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    errno = problem;
    return init;
}

// ---- /proc ----------------------------------------------------------------------------------------------------------

// Who may see what in /proc (hidepid and the like) is not loosened by mounting it anew.
std::string proc_options() {
    std::string options;
    for (const Mount& mount : own_mounts()) {
        if (mount.point != "/proc" || mount.type != "proc") continue;
        options.clear();
        std::string rest = mount.super_options + ',';
        for (std::size_t end = 0; (end = rest.find(',')) != std::string::npos; rest.erase(0, end + 1)) {
            const std::string option = rest.substr(0, end);
            if (!option.starts_with("hidepid=") && !option.starts_with("gid=") && !option.starts_with("subset="))
                continue;
            options += (options.empty() ? "" : ",") + option;
        }
    }
    return options;
}

unsigned long proc_flags() {
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    struct statvfs state {};
    if (statvfs("/proc", &state) == 0 && (state.f_flag & ST_RDONLY) != 0) flags |= MS_RDONLY;
    return flags;
}

}  // namespace

// ---- the containment ------------------------------------------------------------------------------------------------

PidNamespace::PidNamespace(const ContainmentPlan& plan, const std::string& incarnation)
    : lock_mark_(plan.lock_mark),
      incarnation_(incarnation),
      self_(open_process(getpid())),
      outside_(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC)) {
    if (!outside_) log::error("/proc/self/ns/pid: {}", std::generic_category().message(errno));
}

bool PidNamespace::nothing_is_left() {
    return supervisor::nothing_is_left(lock_mark_, incarnation_, kMostLookedAtAhead);
}

Leftovers PidNamespace::clear_leftovers() { return as_leftovers(kill_leftovers(lock_mark_, incarnation_)); }

Result<pid_t> PidNamespace::fork_inside(Purpose) {
    if (!self_ || !outside_) return failure("the PID namespace cannot be made: no descriptor of our own one");
    proc_options_ = proc_options();
    proc_flags_ = proc_flags();
    init_.reset();
    if (unshare(CLONE_NEWPID) != 0) return system_failure("unshare of a PID namespace");
    Result<pid_t> workload = fork_init_and_workload();
    if (workload && *workload == 0) return workload;  // in the new process
    if (setns(outside_.get(), CLONE_NEWPID) == 0) {
        if (!workload) kill_init();
        return workload;
    }
    const int problem = errno;
    kill_init();
    return system_failure("setns back to our own PID namespace", problem);
}

Result<pid_t> PidNamespace::fork_init_and_workload() {
    const pid_t init = fork_init(self_.get());
    if (init < 0) return system_failure("fork of the PID namespace's init");
    init_pid_ = init;
    init_ = open_process(init);
    if (!init_) {
        kill(init, SIGKILL);  // ours, and not reaped
        return failure("no descriptor for the PID namespace's init");
    }
    const pid_t workload = fork();
    if (workload < 0) return system_failure("fork");
    return workload;
}

Result<pid_t> PidNamespace::fork_beside() {
    if (!init_ || !outside_) return failure("there is no PID namespace to fork into");
    if (setns(init_.get(), CLONE_NEWPID) != 0) return system_failure("setns into the workload's PID namespace");
    const pid_t forked = fork();
    if (forked == 0) return forked;
    const int problem_of_forking = errno;
    if (setns(outside_.get(), CLONE_NEWPID) == 0) {
        if (forked < 0) return system_failure("fork", problem_of_forking);
        return forked;
    }
    const int problem = errno;
    kill_init();  // and whatever we forked with it: more of ours must not be born there
    return system_failure("setns back to our own PID namespace", problem);
}

int PidNamespace::enter() const {
    if (unshare(CLONE_NEWNS) != 0) return errno;
    // Only this copy of this mount: what the workload mounts elsewhere goes on to be seen outside where it was before.
    if (mount(nullptr, "/proc", nullptr, MS_PRIVATE, nullptr) != 0) return errno;
    if (mount("proc", "/proc", "proc", proc_flags_, proc_options_.c_str()) != 0) return errno;
    return 0;
}

void PidNamespace::main_has_ended() {
    if (!init_) return;
    siginfo_t info{};
    info.si_signo = drain_signal();
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = kDrain;
    if (syscall(SYS_pidfd_send_signal, init_.get(), drain_signal(), &info, 0) == 0 || errno == ESRCH) return;
    log::error("the PID namespace's init cannot be asked to end ({}); it is killed, and what is left with it",
               std::generic_category().message(errno));
    kill_init();
}

void PidNamespace::signal_all(int signal) { signal_descendants(getpid(), signal); }

void PidNamespace::kill_pass(pid_t root, Except except, Sweep sweep) {
    kill_init();
    if (sweep == Sweep::inside_first && init_lives()) return;
    kill_descendants(root, except);
}

// It ends as the last of its namespace.
bool PidNamespace::init_lives() const {
    pollfd ended{init_.get(), POLLIN, 0};
    return init_ && poll(&ended, 1, 0) == 0;
}

void PidNamespace::kill_init() {
    if (init_) send_signal(init_, init_pid_, SIGKILL);
}

std::unique_ptr<Containment> make_pid_namespace(const ContainmentPlan& plan, const std::string& incarnation) {
    return std::make_unique<PidNamespace>(plan, incarnation);
}

// ---- whether it works here ------------------------------------------------------------------------------------------

namespace {

constexpr const char* kAdvice =
    "; a PID namespace needs CAP_SYS_ADMIN and a /proc that nothing is hidden in: give leasehold that, or set "
    "workload.containment to auto";

// What the child of a probe ends with: 0, or an errno.
int look_around(const Containment& inside) {
    if (const int problem = inside.enter(); problem != 0) return problem;
    char self[16] = {};
    if (readlink("/proc/self", self, sizeof self - 1) != 1 || self[0] != '2') return ESRCH;  // its second process
    return 0;
}

// In a process of its own, which may so fail halfway. Ends with an errno, or 0.
[[noreturn]] void probe() {
    PidNamespace attempt({}, "probe");
    const auto child = attempt.fork_inside(Purpose::term);
    if (!child) _exit(child.error().code == 0 ? EIO : child.error().code);
    if (*child == 0) _exit(look_around(attempt));
    int status = 0;
    waitpid(*child, &status, 0);
    attempt.kill_init();
    while (waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EIO);
}

}  // namespace

Result<void> try_pid_namespace() {
    const pid_t child = fork();
    if (child < 0) return system_failure("fork");
    if (child == 0) probe();
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const int problem = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
    if (problem == 0) return {};
    return failure("a PID namespace cannot be used: " + std::generic_category().message(problem) + kAdvice, problem);
}

}  // namespace leasehold::supervisor
