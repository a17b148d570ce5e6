// SPDX-License-Identifier: Apache-2.0
//
// The workload cannot tell that it is wrapped: what it sees of itself is compared with what the same script sees when
// it is executed directly.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/process/candidate.h"

namespace leasehold::process_test {
namespace {

// Writes what /proc tells about the shell that runs this, then stays. Each look is taken by a background process while
// the shell itself does nothing but wait: for a command in the foreground it redirects and blocks signals itself.
std::string looking_script(const std::string& folder) {
    return "mkdir " + folder + "; cd " + folder + "; (while ! grep -q '^State:.S' /proc/$$/status; do :; done; cd " +
           folder +
           "; grep -E '^(Sig|Shd)' /proc/$$/status > signals; cat /proc/$$/limits > limits;"
           " grep -E '^(VmLck|NoNewPrivs)' /proc/$$/status > kept; cat /proc/$$/oom_score_adj /proc/$$/timerslack_ns "
           ">> kept;"
           " cut -d' ' -f18,19,40,41 /proc/$$/stat >> kept;"
           " ls /proc/$$/fd > fds; for i in 0 1 2; do readlink /proc/$$/fd/$i; done > streams; umask > umask;"
           " tr '\\0' '\\n' < /proc/$$/environ > environment; echo done > done) & wait; exec sleep 1000";
}

std::string line_with(const std::string& text, const std::string& key) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(key)) return line;
    }
    return {};
}

std::set<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::set<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.insert(line);
    return lines;
}

class WorkloadView : public testing::Test {
protected:
    // Some things that a careless parent would pass on, and streams that can be recognised.
    static void disturb(const std::string& input, const std::string& output) {
        signal(SIGPIPE, SIG_IGN);
        signal(SIGUSR1, SIG_IGN);
        signal(SIGCHLD, SIG_IGN);
        signal(SIGRTMIN + 2, SIG_IGN);
        sigset_t some;
        sigemptyset(&some);
        for (const int blocked : {SIGUSR2, SIGTERM, SIGRTMIN, SIGRTMAX}) sigaddset(&some, blocked);
        sigprocmask(SIG_BLOCK, &some, nullptr);
        dup2(open(input.c_str(), O_RDONLY | O_CREAT, 0600), STDIN_FILENO);
        dup2(open(output.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
        fcntl(STDIN_FILENO, F_DUPFD, 40);  // open, and not close-on-exec
        fcntl(STDIN_FILENO, F_DUPFD, 900);
        umask(027);
        setenv("INHERITED", "yes", 1);
        setenv("LEASEHOLD_ROLE", "from an outer leasehold", 1);
    }

    // The same script without leasehold, from a process that is not disturbed.
    static void run_directly(const std::string& script) {
        const pid_t pid = fork();
        if (pid == 0) {
            umask(027);
            execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
            _exit(1);
        }
        direct_ = pid;
    }
    void TearDown() override {
        if (direct_ <= 0) return;
        kill(direct_, SIGKILL);
        waitpid(direct_, nullptr, 0);
        direct_ = -1;
    }

    static pid_t direct_;
};

pid_t WorkloadView::direct_ = -1;

TEST_F(WorkloadView, is_what_it_would_be_without_leasehold) {
    Candidate candidate;
    const std::string wrapped = candidate.file("wrapped"), direct = candidate.file("direct");
    const std::string input = candidate.file("input"), output = candidate.file("output");
    candidate.before_launch = [&] { disturb(input, output); };
    candidate.workload(looking_script(wrapped));
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(5);
    content_of(wrapped + "/done");
    run_directly(looking_script(direct));
    content_of(direct + "/done");

    const std::string signals = content_of(wrapped + "/signals");
    for (const char* mask : {"SigPnd", "ShdPnd", "SigBlk", "SigIgn"}) {
        EXPECT_EQ(line_with(signals, mask), std::string(mask) + ":\t0000000000000000");
        EXPECT_EQ(line_with(signals, mask), line_with(content_of(direct + "/signals"), mask));
    }
    EXPECT_EQ(lines_of(wrapped + "/fds"), (std::set<std::string>{"0", "1", "2"}));
    std::istringstream streams(content_of(wrapped + "/streams"));
    for (const std::string& expected : {input, output, candidate.file("log")}) {
        std::string stream;
        std::getline(streams, stream);
        EXPECT_EQ(std::filesystem::path(stream), std::filesystem::canonical(expected));
    }
    EXPECT_EQ(content_of(wrapped + "/umask"), content_of(direct + "/umask"));
    EXPECT_EQ(content_of(wrapped + "/limits"), content_of(direct + "/limits"));
    EXPECT_EQ(content_of(wrapped + "/kept"), content_of(direct + "/kept"));
    EXPECT_EQ(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(getpgid(workload), workload);
}

// Fields of /proc/PID/stat as in proc(5); the name of the process must not have spaces.
long stat_field(pid_t pid, int number) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string field;
    for (int i = 0; i < number; ++i) stat >> field;
    return std::stol(field);
}

long score_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/oom_score_adj");
    long score = -2000;
    file >> score;
    return score;
}

void set_own_score(int score) { std::ofstream("/proc/self/oom_score_adj") << score << std::flush; }

// Whether this may be done here, tried in a process of its own.
bool permitted(const std::function<bool()>& action) {
    const pid_t pid = fork();
    if (pid == 0) _exit(action() ? 0 : 1);
    int status = 1;
    waitpid(pid, &status, 0);
    return status == 0;
}

TEST_F(WorkloadView, protection_of_leasehold_is_not_handed_on) {
    constexpr int kPolicy = 41;
    const bool real_time = permitted([] {
        sched_param lowest{};
        lowest.sched_priority = 1;
        return sched_setscheduler(0, SCHED_RR, &lowest) == 0;
    });
    const bool lower = permitted([] {
        set_own_score(500);
        set_own_score(200);
        return score_of(getpid()) == 200;
    });
    Candidate candidate;
    const std::string wrapped = candidate.file("wrapped"), direct = candidate.file("direct");
    candidate.before_launch = [] { set_own_score(500); };
    candidate.spec.protection.oom_score_adj = 200;
    candidate.spec.inheritance = {500, supervisor::read_inheritance().timer_slack};
    candidate.workload(looking_script(wrapped));
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(5);
    content_of(wrapped + "/done");
    for (const pid_t ours : {candidate.guardian(), candidate.supervisor()}) {
        EXPECT_EQ(stat_field(ours, kPolicy), real_time ? SCHED_RR : SCHED_OTHER);
        EXPECT_EQ(score_of(ours), lower ? 200 : 500);
    }
    EXPECT_EQ(score_of(workload), 500);
    run_directly("echo 500 > /proc/$$/oom_score_adj; " + looking_script(direct));
    content_of(direct + "/done");
    EXPECT_EQ(content_of(wrapped + "/kept"), content_of(direct + "/kept"));
}

TEST_F(WorkloadView, is_not_executed_when_it_cannot_get_back_its_score) {
    Candidate candidate;
    candidate.spec.inheritance.oom_score_adj = 5000;
    candidate.workload("echo > " + candidate.file("ran"));
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 600000 900000");
    candidate.expect("supervisor EXITED 1 status=126");
    EXPECT_NE(candidate.log().find("cannot get back the oom_score_adj"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(candidate.file("ran")));
}

TEST_F(WorkloadView, can_gain_privileges_only_where_leasehold_could_kill_what_has_gained_them) {
    using supervisor::NoNewPrivileges;
    for (const bool root : {true, false}) {
        for (const auto setting : {NoNewPrivileges::automatic, NoNewPrivileges::yes, NoNewPrivileges::no}) {
            if (geteuid() != 0) GTEST_SKIP() << "only root can be both";
            Candidate candidate;
            const auto everyone = std::filesystem::perms::all;
            for (const char* name : {"", "strings"}) std::filesystem::permissions(candidate.file(name), everyone);
            candidate.before_launch = [&] {
                if (root) return;
                if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(94);
            };
            candidate.spec.workload.no_new_privs = setting;
            const std::string seen = candidate.file("seen");
            candidate.workload("grep NoNewPrivs /proc/self/status > " + seen + "; exec sleep 1000");
            ASSERT_TRUE(candidate.start());
            candidate.lead(1);
            const bool expected = setting == NoNewPrivileges::yes || (setting == NoNewPrivileges::automatic && !root);
            EXPECT_EQ(content_of(seen), std::string("NoNewPrivs:\t") + (expected ? "1" : "0") + "\n") << root;
        }
    }
}

TEST_F(WorkloadView, environment_is_ours_and_workload_env_and_what_leasehold_tells) {
    Candidate candidate;
    const std::string wrapped = candidate.file("wrapped");
    candidate.before_launch = [&] { disturb(candidate.file("input"), candidate.file("output")); };
    candidate.workload(looking_script(wrapped));
    candidate.spec.workload.env = {{"OWN", "a=b c"}, {"INHERITED", "overridden"}};
    ASSERT_TRUE(candidate.start());
    candidate.lead(5);
    content_of(wrapped + "/done");
    const std::set<std::string> environment = lines_of(wrapped + "/environment");
    for (const char* line : {"OWN=a=b c", "INHERITED=overridden", "LEASEHOLD_IDENTITY=host_1",
                             "LEASEHOLD_ELECTION=test", "LEASEHOLD_ROLE=leader", "LEASEHOLD_FENCING_TOKEN=1005",
                             "LEASEHOLD_TRANSITIONS=15", "LEASEHOLD_TERM_ID=mark-inc-5"}) {
        EXPECT_TRUE(environment.contains(line)) << line;
    }
    EXPECT_FALSE(environment.contains("INHERITED=yes"));
    EXPECT_FALSE(environment.contains("LEASEHOLD_ROLE=from an outer leasehold"));
}

TEST_F(WorkloadView, command_is_looked_up_in_the_path_that_the_workload_gets) {
    Candidate candidate;
    const std::string folder = candidate.file("bin"), ran = candidate.file("ran");
    std::filesystem::create_directory(folder);
    std::ofstream(folder + "/only-here") << "#!/bin/sh\necho \"$1\" > " << ran << "\nexit 5\n";
    std::filesystem::permissions(folder + "/only-here", std::filesystem::perms::owner_all);
    candidate.spec.workload.command = {"only-here", "an argument"};
    candidate.spec.workload.env = {{"PATH", "/nowhere:" + folder + ":/bin:/usr/bin"}};
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 600000 900000");
    candidate.expect("supervisor EXITED 1 status=5");
    EXPECT_EQ(content_of(ran), "an argument\n");
}

TEST_F(WorkloadView, signals_are_handed_on_to_its_process_group) {
    Candidate candidate;
    const std::string got = candidate.file("got");
    std::string script;
    const std::set<int> signals = {SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGRTMIN + 3, SIGRTMAX};
    for (const int number : signals) {
        script += "trap 'echo " + std::to_string(number) + " >> " + got + "' " + std::to_string(number) + "; ";
    }
    candidate.workload(script + "echo ready > " + candidate.file("ready") + "; while :; do sleep 0.02; done");
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    content_of(candidate.file("ready"));
    for (const int number : signals) {
        kill(candidate.guardian(), number);
        const std::string line = std::to_string(number);
        EXPECT_TRUE(eventually([&] { return lines_of(got).contains(line); })) << "signal " << number;
    }
    for (const int number : {SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGCHLD}) kill(candidate.guardian(), number);
    candidate.tell_agent("ping 1");
    candidate.expect("supervisor PONG 1");
    EXPECT_TRUE(alive(workload));
    EXPECT_NE(state_of(candidate.guardian()), 'T');
}

TEST_F(WorkloadView, signals_without_a_workload_go_nowhere_and_say_so) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    kill(candidate.guardian(), SIGHUP);
    EXPECT_TRUE(eventually([&] { return candidate.log().find("SIGHUP has nowhere to go") != std::string::npos; }));
    const pid_t workload = candidate.lead(1);
    EXPECT_TRUE(alive(workload));
}

}  // namespace
}  // namespace leasehold::process_test
