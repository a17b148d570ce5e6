// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/plugin_process.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/duration_text.h"
#include "base/log.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::kubernetes {
namespace {

constexpr std::size_t kMostPrinted = std::size_t{1} << 20;
constexpr std::size_t kMostComplaints = 4096;
constexpr Duration kDyingLimit = std::chrono::seconds(2);  // SIGKILL takes that long only in a dead disk's system call

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

// The write end's number is above the standard streams', so that putting it in their place disturbs none of them.
Result<Pipe> make_pipe() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return system_failure("cannot be started: pipe2");
    Pipe made{UniqueFd(ends[0]), UniqueFd(ends[1])};
    if (fcntl(made.read_end.get(), F_SETFL, O_NONBLOCK) != 0)
        return system_failure("cannot be started: fcntl(O_NONBLOCK)");
    made.write_end.reset(fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!made.write_end) return system_failure("cannot be started: fcntl(F_DUPFD_CLOEXEC)");
    return made;
}

std::string_view name_in(std::string_view variable) { return variable.substr(0, variable.find('=')); }

std::vector<std::string> merged_environment(const std::vector<std::string>& added) {
    std::vector<std::string> all = added;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        const auto same = [&](const std::string& other) { return name_in(other) == name_in(*variable); };
        if (std::none_of(added.begin(), added.end(), same)) all.emplace_back(*variable);
    }
    return all;
}

// As execve(2) wants it. `texts` must outlive it.
std::vector<char*> as_vector(std::vector<std::string>& texts) {
    std::vector<char*> vector;
    for (std::string& text : texts) vector.push_back(text.data());
    vector.push_back(nullptr);
    return vector;
}

// What posix_spawn(3) is told. Its functions return the errno and can only fail for want of memory.
class SpawnPlan {
public:
    SpawnPlan() : problem_(posix_spawnattr_init(&attributes_)) { keep(posix_spawn_file_actions_init(&actions_)); }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }

    int spawn(pid_t& pid, int output, int errors, std::vector<char*>& arguments, std::vector<char*>& environment) {
        sigset_t all;
        sigset_t none;
        // sigfillset(3) leaves out the C library's own two, which posix_spawn(3) then would have ignored.
        std::memset(&all, 0xff, sizeof all);
        sigemptyset(&none);
        keep(posix_spawnattr_setsigdefault(&attributes_, &all));
        keep(posix_spawnattr_setsigmask(&attributes_, &none));
        keep(posix_spawnattr_setpgroup(&attributes_, 0));
        keep(posix_spawnattr_setflags(&attributes_,
                                      POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP));
        keep(posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
        keep(posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO));
        keep(posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO));
        keep(posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1));
        if (problem_ != 0) return problem_;
        return posix_spawnp(&pid, arguments[0], &actions_, &attributes_, arguments.data(), environment.data());
    }

private:
    void keep(int problem) {
        if (problem_ == 0) problem_ = problem;
    }

    posix_spawnattr_t attributes_{};
    posix_spawn_file_actions_t actions_{};
    int problem_ = 0;
};

// Reads what is there, but not for ever; false at the end of the file.
template <class Take>
bool drain(const UniqueFd& from, Take&& take) {
    constexpr int kMostRounds = 16;  // four times what a pipe holds (pipe(7))
    std::array<char, 16384> buffer{};
    for (int round = 0; round < kMostRounds;) {
        const ssize_t got = read(from.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return true;
        if (got <= 0) return false;
        take(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
        ++round;
    }
    return true;
}

std::vector<pid_t>& all_running() {
    static std::vector<pid_t> all;
    return all;
}

std::string how_it_ended(const siginfo_t& info) {
    if (info.si_code == CLD_EXITED) return "failed with exit status " + std::to_string(info.si_status);
    const char* const name = sigabbrev_np(info.si_status);
    return "was ended by signal " + (name != nullptr ? std::string("SIG") + name : std::to_string(info.si_status));
}

}  // namespace

Result<std::unique_ptr<PluginProcess>> PluginProcess::start(EventLoop& loop, const PluginCall& call, Duration limit,
                                                            Done done) {
    std::unique_ptr<PluginProcess> plugin(new PluginProcess(loop, limit, std::move(done)));
    if (auto spawned = plugin->spawn(call); !spawned) return tl::unexpected<Error>(spawned.error());
    if (auto watched = plugin->watch(); !watched) return tl::unexpected<Error>(watched.error());
    return plugin;
}

Result<void> PluginProcess::spawn(const PluginCall& call) {
    auto output = make_pipe();
    if (!output) return tl::unexpected<Error>(output.error());
    auto errors = make_pipe();
    if (!errors) return tl::unexpected<Error>(errors.error());
    std::vector<std::string> arguments = call.arguments;
    std::vector<std::string> environment = merged_environment(call.environment);
    std::vector<char*> argument_vector = as_vector(arguments);
    std::vector<char*> environment_vector = as_vector(environment);
    SpawnPlan plan;
    const int problem =
        plan.spawn(pid_, output->write_end.get(), errors->write_end.get(), argument_vector, environment_vector);
    if (problem != 0) {
        pid_ = -1;
        return system_failure("cannot be executed", problem);
    }
    all_running().push_back(pid_);
    process_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));  // its header in glibc 2.36 is for C only
    if (!process_) return system_failure("cannot be watched: pidfd_open");
    output_ = std::move(output->read_end);
    errors_ = std::move(errors->read_end);
    return {};
}

Result<void> PluginProcess::watch() {
    auto timer = Timer::create(loop_, [this] { on_timer(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    timer_ = std::move(*timer);
    timer_->arm_in(limit_);
    if (auto done = loop_.watch(output_.get(), EPOLLIN, [this](std::uint32_t) { read_output(); }); !done) return done;
    if (auto done = loop_.watch(errors_.get(), EPOLLIN, [this](std::uint32_t) { read_errors(); }); !done) return done;
    return loop_.watch(process_.get(), EPOLLIN, [this](std::uint32_t) { on_end(); });
}

PluginProcess::~PluginProcess() {
    for (const UniqueFd* fd : {&process_, &output_, &errors_}) {
        if (*fd) loop_.unwatch(fd->get());
    }
    if (pid_ < 0) return;
    kill_group();
    if (pollfd ended{process_.get(), POLLIN, 0}; process_) poll(&ended, 1, 1000);
    siginfo_t info{};
    // What still is not dead becomes a zombie of ours, for whoever reaps after us.
    const pid_t pid = pid_;
    if (const int problem = wait_for_it(info); problem != 0) {
        log::warn("cannot reap the credential plugin {}: {}", pid, std::generic_category().message(problem));
    }
}

const std::vector<pid_t>& PluginProcess::running() { return all_running(); }

// An errno, or 0. Whatever comes of it, the child is not ours any more.
int PluginProcess::wait_for_it(siginfo_t& info) {
    const int problem = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) == 0 ? 0 : errno;
    std::erase(all_running(), pid_);
    pid_ = -1;
    return problem;
}

void PluginProcess::read_output() {
    bool more = drain(output_, [this](std::string_view part) {
        if (printed_.size() <= kMostPrinted) printed_.append(part);
    });
    if (printed_.size() > kMostPrinted) {
        stop_because("printed more than 1 MiB");
        more = false;
    }
    if (more) return;
    loop_.unwatch(output_.get());
    output_.reset();
}

void PluginProcess::read_errors() {
    const bool more = drain(errors_, [this](std::string_view part) {
        complaints_.append(part);
        if (complaints_.size() > kMostComplaints) complaints_.erase(0, complaints_.size() - kMostComplaints);
    });
    if (more) return;
    loop_.unwatch(errors_.get());
    errors_.reset();
}

void PluginProcess::on_timer() {
    if (stopped_by_) {  // it was killed long ago
        finish(failure(*stopped_by_ + ", and does not die of SIGKILL"));
        return;
    }
    stop_because("did not end within " + to_text(limit_) + " and was killed");
}

void PluginProcess::stop_because(std::string reason) {
    stopped_by_ = std::move(reason);
    kill_group();
    timer_->arm_in(kDyingLimit);
}

// It has ended and is not reaped yet, so its number and its group's are nobody else's.
void PluginProcess::on_end() {
    kill_group();  // first, so that nobody writes any more
    if (output_) read_output();
    if (errors_) read_errors();
    siginfo_t info{};
    const int problem = wait_for_it(info);
    if (stopped_by_) return finish(failure(*stopped_by_ + last_words()));
    if (problem != 0) return finish(system_failure("cannot be waited for: waitid", problem));
    if (info.si_code == CLD_EXITED && info.si_status == 0) return finish(std::move(printed_));
    finish(failure(how_it_ended(info) + last_words()));
}

void PluginProcess::finish(Result<std::string> outcome) {
    timer_->disarm();
    loop_.unwatch(process_.get());
    const Done done = std::move(done_);
    done(std::move(outcome));  // may destroy this
}

void PluginProcess::kill_group() const {
    // ESRCH: nobody is left in it.
    if (kill(-pid_, SIGKILL) != 0 && errno != ESRCH) {
        log::warn("cannot kill the credential plugin {}: {}", pid_, std::generic_category().message(errno));
    }
}

// ": <the last line of standard error>"
std::string PluginProcess::last_words() const {
    const std::size_t end = complaints_.find_last_not_of(" \t\r\n");
    if (end == std::string::npos) return "";
    const std::size_t before = complaints_.rfind('\n', end);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    return ": " + shown(std::string_view(complaints_).substr(begin, end - begin + 1), 300);
}

}  // namespace leasehold::stores::kubernetes
