// SPDX-License-Identifier: Apache-2.0
#include "tests/process/candidate.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "supervisor/launch_internal.h"
#include "supervisor/process_tree.h"
#include "tests/harness/pid_1.h"
#include "tests/process/roles.h"

namespace leasehold::process_test {
namespace {

using Clock = std::chrono::steady_clock;

// With nothing of the test in it, as when leasehold was executed.
void execute_guardian(const supervisor::LaunchSpec& spec) {
    const auto sealed = supervisor::seal_launch_spec(spec);
    if (!sealed) {
        dprintf(STDERR_FILENO, "%s\n", sealed.error().message.c_str());
        return;
    }
    supervisor::RoleImage image(kGuardianRole, {"--spec-fd=" + std::to_string(sealed->get())});
    image.inherit(sealed->get());
    supervisor::for_each_descriptor(spec, [&image](int fd) { image.inherit(fd); });
    image.inherit(spec.notify_fd);
    dprintf(STDERR_FILENO, "execve: %s\n", std::strerror(image.execute()));
}

struct Stat {
    char state = 0;
    pid_t parent = -1;
};

Stat stat_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t end = line.rfind(')');
    Stat stat;
    if (end != std::string::npos) std::istringstream(line.substr(end + 1)) >> stat.state >> stat.parent;
    return stat;
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
    const auto limit = Clock::now() + kLimit;
    while (!condition()) {
        if (Clock::now() > limit) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

char state_of(pid_t pid) { return stat_of(pid).state; }
pid_t parent_of(pid_t pid) { return stat_of(pid).parent; }

bool alive(pid_t pid) {
    const char state = state_of(pid);
    return state != 0 && state != 'Z' && state != 'X';
}

std::string comm_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(file, name);
    return name;
}

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid > 0 && stat_of(pid).parent == parent) children.push_back(pid);
    }
    return children;
}

std::string content_of(const std::string& path) {
    std::string content;
    const bool complete = eventually([&] {
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        content = text.str();
        return content.ends_with('\n');
    });
    EXPECT_TRUE(complete) << path << " never got a line";
    return content;
}

pid_t pid_in(const std::string& path) { return std::atoi(content_of(path).c_str()); }

long number_after(const std::string& line, const std::string& key) {
    const std::size_t at = line.find(key);
    return at == std::string::npos ? -1 : std::atol(line.c_str() + at + key.size());
}

Candidate::Candidate() {
    // Whatever leasehold might lose falls to this process, where it is noticed.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    std::string name = testing::TempDir() + "/leasehold-process-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    listener_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    file("strings").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_.get(), 8), 0);
    spec.identity = "host_1";
    spec.election = "test";
    spec.incarnation = "inc";
    spec.containment.lock_mark = "mark";
    spec.recheck = std::chrono::milliseconds(50);
    spec.logging.level = log::Level::debug;
    spec.inheritance = supervisor::read_inheritance();
    spec.workload.stop.grace_period = std::chrono::seconds(30);
}

Candidate::~Candidate() {
    if (testing::Test::HasFailure()) std::cerr << "--- heard:\n" << heard_ << "--- log:\n" << log();
    strings_.reset();
    listener_.reset();
    eventually([this] {
        supervisor::signal_descendants(getpid(), SIGKILL);
        reap_adopted();
        return children_of(getpid()).empty();
    });
    std::filesystem::remove_all(folder_);
}

bool Candidate::start() {
    guardian_ = fork();
    if (guardian_ == 0) {
        setenv(kStringsVariable, file("strings").c_str(), 1);
        const int log_file = open(file("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        dup2(log_file, STDERR_FILENO);
        if (before_launch) before_launch();
        if (as_pid_1) harness::go_on_as_pid_1();
        execute_guardian(spec);
        _exit(95);
    }
    pollfd ready{listener_.get(), POLLIN, 0};
    const bool connected = eventually([&] {
        reap_adopted();
        return poll(&ready, 1, 0) == 1 || ended_.contains(guardian_);
    });
    if (ended_.contains(guardian_) && ended_[guardian_] == harness::kNotPossible) return false;
    EXPECT_TRUE(connected && !ended_.contains(guardian_)) << log();
    next_agent();
    expect("supervisor HELLO idle");
    return true;
}

void Candidate::next_agent() {
    pollfd ready{listener_.get(), POLLIN, 0};
    ASSERT_TRUE(eventually([&] { return poll(&ready, 1, 0) == 1; })) << "no agent came";
    strings_.reset(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    unread_.clear();
    pending_.clear();
    agent_ = static_cast<pid_t>(number_after(expect("agent "), "pid="));
}

void Candidate::tell_agent(const std::string& line) const {
    const std::string text = line + "\n";
    ASSERT_EQ(send(strings_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

std::string Candidate::next_line() {
    const auto limit = Clock::now() + kLimit;
    for (;;) {
        if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
            std::string line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            heard_ += line + "\n";
            return line;
        }
        pollfd ready{strings_.get(), POLLIN, 0};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now());
        if (left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) != 1) return {};
        char buffer[4096];
        const ssize_t size = read(strings_.get(), buffer, sizeof buffer);
        if (size <= 0) return {};
        unread_.append(buffer, static_cast<std::size_t>(size));
    }
}

std::string Candidate::expect(const std::string& beginning) {
    for (std::size_t looked_at = 0;;) {
        for (; looked_at < pending_.size(); ++looked_at) {
            if (pending_[looked_at].starts_with(beginning)) return take_pending(looked_at);
        }
        std::string line = next_line();
        if (line.empty()) {
            ADD_FAILURE() << "never heard \"" << beginning << "\"";
            return line;
        }
        pending_.push_back(std::move(line));
    }
}

// What one source says comes in order, so its earlier lines are over; those of the others may still be waited for.
std::string Candidate::take_pending(std::size_t index) {
    std::string line = pending_[index];
    const std::string source = line.substr(0, line.find(' ') + 1);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
    const auto earlier = pending_.begin() + static_cast<std::ptrdiff_t>(index);
    pending_.erase(
        std::remove_if(pending_.begin(), earlier, [&](const auto& other) { return other.starts_with(source); }),
        earlier);
    return line;
}

pid_t Candidate::lead(int term) {
    const std::string number = std::to_string(term);
    tell_agent("grant " + number + " 600000 900000");
    return static_cast<pid_t>(number_after(expect("supervisor STARTED " + number), "pid="));
}

pid_t Candidate::supervisor() const {
    for (const pid_t child : children_of(guardian_)) {
        if (comm_of(child) == "leasehold-super") return child;
    }
    return -1;
}

void Candidate::reap_adopted() {
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        ended_[pid] = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }
}

int Candidate::exit_status() {
    const bool ended = eventually([this] {
        reap_adopted();
        return ended_.contains(guardian_);
    });
    EXPECT_TRUE(ended) << "leasehold does not end";
    return ended ? ended_[guardian_] : -1;
}

bool Candidate::nothing_left() {
    return eventually([this] {
        reap_adopted();
        return children_of(getpid()).empty();
    });
}

std::string Candidate::log() const {
    std::ostringstream text;
    text << std::ifstream(file("log")).rdbuf();
    return text.str();
}

}  // namespace leasehold::process_test
