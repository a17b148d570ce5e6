// SPDX-License-Identifier: Apache-2.0
#include "supervisor/terminal.h"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"

namespace leasehold::supervisor {

StopMeaning meaning_of_stop(int signal, pid_t foreground, pid_t home, pid_t workload) {
    const bool wanted_terminal = signal == SIGTTIN || signal == SIGTTOU;
    if (foreground == home) return wanted_terminal ? StopMeaning::needs_terminal : StopMeaning::none;
    if (foreground == workload || wanted_terminal || signal == SIGTSTP) return StopMeaning::suspend;
    return StopMeaning::none;
}

Terminal Terminal::of(pid_t home) {
    const bool controls = home > 0 && tcgetpgrp(STDIN_FILENO) >= 0 && tcgetsid(STDIN_FILENO) == getsid(0);
    return controls ? Terminal(home) : Terminal();
}

Terminal Terminal::of_parent() { return of(getpgid(getppid())); }

bool Terminal::is_at_home() const { return home_ > 0 && tcgetpgrp(STDIN_FILENO) == home_; }

bool Terminal::hand_over(pid_t group) const {
    if (!is_at_home()) return false;
    if (tcsetpgrp(STDIN_FILENO, group) == 0) return true;
    log::debug("the terminal cannot be handed to the workload: {}", std::generic_category().message(errno));
    return false;
}

void Terminal::take_back() const {
    const pid_t foreground = home_ > 0 ? tcgetpgrp(STDIN_FILENO) : -1;
    if (foreground <= 0 || foreground == home_) return;
    if (kill(-foreground, 0) == 0 || errno != ESRCH) return;  // a shell has taken it
    if (tcsetpgrp(STDIN_FILENO, home_) != 0) {
        log::debug("the terminal cannot be taken back: {}", std::generic_category().message(errno));
    }
}

StopMeaning Terminal::meaning_of_stop(int signal, pid_t workload) const {
    const pid_t foreground = tcgetpgrp(STDIN_FILENO);
    if (home_ <= 0 || foreground < 0) return StopMeaning::none;
    return supervisor::meaning_of_stop(signal, foreground, home_, workload);
}

void put_own_group_into_foreground() {
    const int before = errno;
    tcsetpgrp(STDIN_FILENO, getpgrp());  // fails when the terminal has just gone: the workload will notice by itself
    errno = before;
}

std::optional<int> stopped_by(pid_t child) {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOHANG | __WALL) != 0 || info.si_pid == 0) {
        return std::nullopt;
    }
    return info.si_status;
}

bool was_continued(pid_t child) {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(child), &info, WCONTINUED | WNOHANG | __WALL) == 0 && info.si_pid != 0;
}

bool suspend_own_group() {
    sigset_t suspend;
    sigset_t before;
    sigset_t pending;
    sigemptyset(&suspend);
    sigemptyset(&pending);
    sigaddset(&suspend, SIGTSTP);
    kill(0, SIGTSTP);  // this also forgets a SIGCONT of earlier
    sigprocmask(SIG_UNBLOCK, &suspend, &before);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    sigpending(&pending);
    return sigismember(&pending, SIGCONT) == 1;
}

}  // namespace leasehold::supervisor
