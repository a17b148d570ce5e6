// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <nlohmann/json.hpp>

#include "election/stores/kubernetes/plugin_process.h"
#include "election/stores/rfc3339.h"
#include "tests/kubernetes/access_support.h"

namespace leasehold::stores::kubernetes {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kVersion = "client.authentication.k8s.io/v1";

// A line of shell that prints a credential with this status.
std::string print_status(const std::string& status, const std::string& version = kVersion) {
    return "echo '{\"apiVersion\": \"" + version + "\", \"kind\": \"ExecCredential\", \"status\": {" + status + "}}'\n";
}
std::string print_token(const std::string& token) { return print_status("\"token\": \"" + token + "\""); }

std::string rfc3339(std::chrono::system_clock::time_point at) {
    return format_rfc3339(std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count()).value();
}

class ExecPlugin : public AccessTest {
protected:
    // Each run of the plugin leaves a line in "runs" before it does `body`, in the folder.
    std::unique_ptr<Access> access_to(const std::string& body, const std::string& more = "",
                                      const std::string& cluster = "server: https://example.org:6443") {
        folder_.script("plugin", fmt::format("cd '{}'\necho run >> runs\n{}", folder_.path(), body));
        use_kubeconfig("exec: {apiVersion: " + kVersion + ", command: ./plugin, interactiveMode: Never" + more + "}",
                       cluster);
        return created();
    }
    std::size_t runs() const {
        const std::string text = folder_.text_of("runs");
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }
    int number_in(const std::string& file) const {
        std::ifstream in(folder_ / file);
        int number = 0;
        in >> number;
        return number;
    }
    // The plugin's child is an orphan then, which somebody else has to reap: a zombie has no command line any more.
    void expect_end_of_child() {
        const int child = number_in("child");
        ASSERT_GT(child, 0);
        const std::string command_line = fmt::format("/proc/{}/cmdline", child);
        EXPECT_TRUE(serve_until(*loop_, [&] { return std::ifstream(command_line).peek() == EOF; }));
    }
    // What refresh() says about a plugin with this body.
    std::string outcome_of(const std::string& body) {
        const auto access = access_to(body);
        if (!access) return "not created";
        const std::string outcome = refreshed(*access);
        if (outcome == "ok") return outcome;
        EXPECT_FALSE(access->current().ready);
        EXPECT_EQ(access->current().problem, outcome);
        EXPECT_THAT(outcome, AllOf(Not(HasSubstr("\n")), Not(HasSubstr("s3cret"))));
        return outcome;
    }
    std::string refusal_of(const std::string& exec) {
        use_kubeconfig("exec: {" + exec + "}");
        return refusal();
    }
};

TEST_F(ExecPlugin, GivesAToken) {
    const auto access = access_to(print_token("abc"));
    ASSERT_TRUE(access);
    EXPECT_FALSE(access->current().ready);
    EXPECT_EQ(runs(), 0U) << "nothing is started before it is asked for";
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_TRUE(access->current().ready);
    EXPECT_EQ(access->current().authorization, "Bearer abc");
    EXPECT_EQ(access->current().problem, "");
    EXPECT_THAT(refreshed(*access), HasSubstr("no newer credentials"));
    EXPECT_TRUE(access->current().ready);
    EXPECT_EQ(runs(), 2U);
}

// It may be costly, and gives another token each time perhaps.
TEST_F(ExecPlugin, IsNotRunAgainAndAgainForWhatIsRefused) {
    const auto access = access_to("echo \"{\\\"apiVersion\\\": \\\"" + kVersion +
                                  "\\\", \\\"kind\\\": \\\"ExecCredential\\\", \\\"status\\\": {\\\"token\\\": "
                                  "\\\"t$(wc -l < runs)\\\"}}\"\n");
    ASSERT_TRUE(access);
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(refreshed(*access), "ok");  // after the first refusal
    EXPECT_EQ(access->current().authorization, "Bearer t2");
    EXPECT_THAT(refreshed(*access), HasSubstr("no newer credentials"));
    EXPECT_EQ(runs(), 2U);
    places_.plugin_pause = Duration::zero();
    const auto hasty = created();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(refreshed(*hasty), "ok");
    EXPECT_EQ(runs(), 5U);
}

TEST_F(ExecPlugin, IsNobodyElsesToReapWhileItIsRunning) {
    const auto access = access_to(print_token("abc"));
    ASSERT_TRUE(access);
    std::string answer;
    access->refresh([&](const Result<void>& done) { answer = done ? "ok" : done.error().message; });
    ASSERT_EQ(PluginProcess::running().size(), 1U);
    siginfo_t info{};  // it has ended, and nobody has noticed
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(PluginProcess::running()[0]), &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(PluginProcess::running()[0], info.si_pid);
    EXPECT_TRUE(serve_until(*loop_, [&] { return !answer.empty(); }));
    EXPECT_EQ(answer, "ok");
    EXPECT_TRUE(PluginProcess::running().empty());
}

TEST_F(ExecPlugin, GivesACertificate) {
    folder_.put(
        "answer",
        nlohmann::json{{"apiVersion", kVersion},
                       {"kind", "ExecCredential"},
                       {"status", {{"clientCertificateData", certificate(1)}, {"clientKeyData", private_key(2)}}}}
            .dump());
    const auto access = access_to("cat answer\n");
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(access->current().peer.certificate_pem, certificate(1));
    EXPECT_EQ(access->current().peer.key_pem, private_key(2));
    EXPECT_EQ(access->current().authorization, "");
}

TEST_F(ExecPlugin, IsFoundInThePathToo) {
    use_kubeconfig(
        "exec: {apiVersion: " + kVersion + ", command: printf, args: ['%s', '" +
        R"({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}})" +
        "']}");
    const auto access = created();
    ASSERT_TRUE(access);
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(access->current().authorization, "Bearer t");
}

TEST_F(ExecPlugin, GetsArgumentsEnvironmentAndInfo) {
    const auto access =
        access_to("echo \"$*|$COLOUR|$HOME\" > seen\nprintf %s \"$KUBERNETES_EXEC_INFO\" > info\n" + print_token("abc"),
                  ", args: [get, 'a b'], provideClusterInfo: true, env: [{name: COLOUR, value: red}, {name: COLOUR, "
                  "value: blue}, "
                  "{name: HOME, value: /h}, {name: KUBERNETES_EXEC_INFO, value: x}]",
                  "server: 'https://h:1', proxy-url: 'socks5://p:1', tls-server-name: n, certificate-authority-data: " +
                      encode_base64(certificate(1)) +
                      ", extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: a, n: 1}}]");
    ASSERT_TRUE(access);
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(folder_.text_of("seen"), "get a b|blue|/h\n");
    EXPECT_EQ(nlohmann::json::parse(folder_.text_of("info"), nullptr, false),
              (nlohmann::json{{"apiVersion", kVersion},
                              {"kind", "ExecCredential"},
                              {"spec",
                               {{"interactive", false},
                                {"cluster",
                                 {{"server", "https://h:1"},
                                  {"tls-server-name", "n"},
                                  {"proxy-url", "socks5://p:1"},
                                  {"certificate-authority-data", encode_base64(certificate(1))},
                                  {"config", {{"audience", "a"}, {"n", 1}}}}}}}}));
}

TEST_F(ExecPlugin, GetsNothingElseOfUs) {
    // What a program must not inherit: descriptors, a blocked and an ignored signal, our process group, our input.
    const int inheritable = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
    ASSERT_GE(inheritable, 0);
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    ASSERT_EQ(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    const auto handler = std::signal(SIGUSR2, SIG_IGN);
    const auto access = access_to(
        "ls /proc/$$/fd > fds\n"
        // Without a child: the shell blocks everything while it starts one.
        "while read -r key value; do case $key in Sig[BI]*) echo $key$value ;; esac\n"
        "done < /proc/self/status > signals\n"
        "readlink /proc/$$/fd/0 > input\n"
        "echo $$ $(cut -d' ' -f5 /proc/$$/stat) > group\n" +
        print_token("abc"));
    const std::string outcome = refreshed(*access);
    std::signal(SIGUSR2, handler);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    close(inheritable);
    ASSERT_EQ(outcome, "ok");
    EXPECT_EQ(folder_.text_of("signals"), "SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
    EXPECT_EQ(folder_.text_of("input"), "/dev/null\n");
    std::ifstream group(folder_ / "group");
    int pid = 0;
    int leader = 1;
    group >> pid >> leader;
    EXPECT_EQ(pid, leader);
    std::ifstream fds(folder_ / "fds");
    std::vector<int> open_ones;
    for (int fd = 0; fds >> fd;) {
        if (fd < 10) open_ones.push_back(fd);  // the shell keeps its script open above
    }
    EXPECT_THAT(open_ones, ElementsAre(0, 1, 2));
}

TEST_F(ExecPlugin, Failures) {
    EXPECT_THAT(outcome_of("echo first >&2\necho 'please \x1b[1mlog in' >&2\nexit 3\n"),
                AllOf(HasSubstr("plugin failed with exit status 3: please ?[1mlog in"), Not(HasSubstr("first"))));
    EXPECT_THAT(outcome_of("exit 1\n"), testing::EndsWith("failed with exit status 1"));
    EXPECT_THAT(outcome_of(print_token("s3cret") + "exit 1\n"), HasSubstr("exit status 1"));
    EXPECT_THAT(outcome_of("kill -TERM $$\n"), HasSubstr("was ended by signal SIGTERM"));
    EXPECT_THAT(outcome_of(""), HasSubstr("printed nothing"));
    EXPECT_THAT(outcome_of("echo s3cret\n"), HasSubstr("not the JSON of an ExecCredential"));
    EXPECT_THAT(outcome_of("echo '\"s3cret\"'\n"), HasSubstr("not the JSON of an ExecCredential"));
    EXPECT_THAT(outcome_of("echo '{\"kind\": \"Pod\"}'\n"), HasSubstr("of kind 'Pod'"));
    EXPECT_THAT(outcome_of("echo '{\"kind\": 1}'\n"), HasSubstr("not an ExecCredential"));
    EXPECT_THAT(outcome_of(print_status("\"token\": \"s3cret\"", "client.authentication.k8s.io/v1beta1")),
                AllOf(HasSubstr("k8s.io/v1beta1'"), HasSubstr("asks for 'client.authentication.k8s.io/v1'")));
    EXPECT_THAT(outcome_of("echo '{\"kind\": \"ExecCredential\", \"apiVersion\": \"" + kVersion + "\"}'\n"),
                HasSubstr("without a status"));
    EXPECT_THAT(outcome_of(print_status("")), HasSubstr("neither a token nor"));
    EXPECT_THAT(outcome_of(print_status("\"token\": 7")), HasSubstr("no text"));
    EXPECT_THAT(outcome_of(print_status("\"token\": \"s3cret two\"")), HasSubstr("status.token that is no token"));
    EXPECT_THAT(outcome_of(print_status("\"clientKeyData\": \"s3cret\"")), HasSubstr("only one of"));
    EXPECT_THAT(outcome_of(print_status("\"clientKeyData\": \"s3cret\", \"clientCertificateData\": \"x\"")),
                HasSubstr("status.clientCertificateData that holds no certificate"));
    EXPECT_THAT(outcome_of(print_status("\"token\": \"s3cret\", \"expirationTimestamp\": \"soon\"")),
                HasSubstr("status.expirationTimestamp 'soon'"));
    EXPECT_THAT(outcome_of("exec head -c 2000000 /dev/zero\n"), HasSubstr("printed more than 1 MiB"));
    EXPECT_EQ(outcome_of("head -c 2000000 /dev/zero >&2\n" + print_token("abc")), "ok");
}

TEST_F(ExecPlugin, ThatCannotBeExecuted) {
    use_kubeconfig("exec: {apiVersion: " + kVersion +
                   ", command: leasehold-no-such-plugin, installHint: \"get it\\nhere\\e[1m\"}");
    auto access = created();
    ASSERT_TRUE(access);
    EXPECT_THAT(refreshed(*access),
                AllOf(HasSubstr("leasehold-no-such-plugin is not there"), HasSubstr(": get it?here?[1m")));
    use_kubeconfig("exec: {apiVersion: " + kVersion + ", command: ./kubeconfig}");
    access = created();
    ASSERT_TRUE(access);
    EXPECT_THAT(refreshed(*access), AllOf(HasSubstr("kubeconfig cannot be executed"), HasSubstr("Permission denied")));
}

TEST_F(ExecPlugin, ThatCannotBeUsed) {
    const std::string version = "apiVersion: " + kVersion;
    EXPECT_THAT(refusal_of(version), HasSubstr("`exec.command` is missing"));
    EXPECT_THAT(refusal_of("command: x"), HasSubstr("`exec.apiVersion` ''"));
    EXPECT_THAT(refusal_of("command: x, apiVersion: client.authentication.k8s.io/v7"), HasSubstr("v7"));
    EXPECT_THAT(refusal_of(version + ", command: x, interactiveMode: Always"), HasSubstr("terminal"));
    EXPECT_THAT(refusal_of(version + ", command: x, interactiveMode: Perhaps"), HasSubstr("interactiveMode"));
    EXPECT_THAT(refusal_of(version + ", command: x, args: y"), HasSubstr("`exec.args`"));
    EXPECT_THAT(refusal_of(version + ", command: x, args: [[y]]"), HasSubstr("`exec.args`"));
    EXPECT_THAT(refusal_of(version + ", command: x, args: [\"a\\0b\"]"), HasSubstr("NUL"));
    EXPECT_THAT(refusal_of(version + ", command: x, env: [{value: y}]"), HasSubstr("`exec.env`"));
    EXPECT_THAT(refusal_of(version + ", command: x, env: [{name: 'a=b', value: y}]"), HasSubstr("`exec.env`"));
    EXPECT_THAT(refusal_of(version + ", command: x, env: [{name: a, value: [y]}]"), HasSubstr("`exec.env`"));
    use_kubeconfig("exec: x");
    EXPECT_THAT(refusal(), HasSubstr("`exec` must be a mapping"));
}

TEST_F(ExecPlugin, IsNotAskedBesidesAToken) {
    use_kubeconfig("token: abc, exec: {command: x, interactiveMode: Always}");
    const auto access = created();
    ASSERT_TRUE(access);
    EXPECT_EQ(access->current().authorization, "Bearer abc");
    EXPECT_THAT(access->warnings(), ElementsAre(HasSubstr("is not asked")));
}

TEST_F(ExecPlugin, IsKilledWithItsChildrenAtTheLimit) {
    places_.plugin_limit = milliseconds(300);
    const auto access = access_to("sleep 600 & echo $! > child\necho wait >&2\nwait\n");
    EXPECT_THAT(refreshed(*access), HasSubstr("did not end within 300ms and was killed: wait"));
    expect_end_of_child();
}

TEST_F(ExecPlugin, ChildrenThatStayAreKilledAndHoldNothingUp) {
    const auto access = access_to("sleep 600 &\necho $! > child\n" + print_token("abc"));
    EXPECT_EQ(refreshed(*access), "ok");  // although the child has standard output open
    EXPECT_EQ(access->current().authorization, "Bearer abc");
    expect_end_of_child();
}

TEST_F(ExecPlugin, IsKilledWhenNobodyWantsItAnyMore) {
    bool called = false;
    auto access = access_to("echo $$ > pid\nexec sleep 600\n");
    access->refresh([&](const Result<void>&) { called = true; });
    ASSERT_TRUE(serve_until(*loop_, [&] { return folder_.text_of("pid").ends_with('\n'); }));
    const int pid = number_in("pid");
    access.reset();
    EXPECT_NE(kill(pid, 0), 0) << "killed and reaped";
    EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), -1);
    EXPECT_FALSE(called);
}

TEST_F(ExecPlugin, IsAskedOnceForAllWhoWait) {
    const auto access = access_to(print_token("abc"));
    int answered = 0;
    for (int i = 0; i < 3; ++i) access->refresh([&](const Result<void>& done) { answered += done ? 1 : 100; });
    EXPECT_TRUE(serve_until(*loop_, [&] { return answered >= 3; }));
    EXPECT_EQ(answered, 3);
    EXPECT_EQ(runs(), 1U);
    // A callback asks again.
    folder_.script("plugin", print_token("second"));
    std::string last;
    access->refresh([&](const Result<void>&) {
        access->refresh([&](const Result<void>& done) { last = done ? "ok" : done.error().message; });
    });
    EXPECT_TRUE(serve_until(*loop_, [&] { return !last.empty(); }));
    EXPECT_THAT(last, HasSubstr("no newer"));
    EXPECT_EQ(access->current().authorization, "Bearer second");
}

TEST_F(ExecPlugin, ACallbackMayDestroyEverything) {
    auto access = access_to(print_token("abc"));
    int answered = 0;
    for (int i = 0; i < 2; ++i) {
        access->refresh([&](const Result<void>&) {
            ++answered;
            access.reset();
        });
    }
    EXPECT_TRUE(serve_until(*loop_, [&] { return answered > 0; }));
    EXPECT_TRUE(loop_->run_once(Duration::zero()));
    EXPECT_EQ(answered, 1);
}

TEST_F(ExecPlugin, AFailureKeepsWhatIsGood) {
    places_.plugin_pause = Duration::zero();
    const auto access = access_to(print_token("abc"));
    EXPECT_EQ(refreshed(*access), "ok");
    folder_.script("plugin", "exit 1\n");
    EXPECT_THAT(refreshed(*access), HasSubstr("exit status 1"));
    EXPECT_TRUE(access->current().ready);
    EXPECT_EQ(access->current().authorization, "Bearer abc");
    EXPECT_THAT(access->current().problem, HasSubstr("exit status 1"));
    folder_.script("plugin", print_token("def"));
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(access->current().problem, "");
}

TEST_F(ExecPlugin, ExpiredCredentialsAreNotReady) {
    const auto expires = wall_now() + milliseconds(1500);
    const auto access =
        access_to(print_status(R"("token": "abc", "expirationTimestamp": ")" + rfc3339(expires) + "\""));
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_TRUE(serve_until(*loop_, [&] { return !access->current().ready; }));
    EXPECT_EQ(access->current().authorization, "");
    EXPECT_EQ(runs(), 1U) << "so short a life is not prolonged ahead";
}

TEST_F(ExecPlugin, NewCredentialsAreAskedForAheadOfTheEnd) {
    // From the last quarter of their life on, and not within two seconds.
    const auto life = [](auto length) { return rfc3339(wall_now() + length); };
    const auto access =
        access_to(print_status(R"("token": "abc", "expirationTimestamp": ")" + life(seconds(4)) + "\""));
    EXPECT_EQ(refreshed(*access), "ok");
    folder_.script("plugin", print_status(R"("token": "def", "expirationTimestamp": ")" + life(hours(1)) + "\""));
    bool always_ready = true;
    EXPECT_TRUE(serve_until(*loop_, [&] {
        const Access::Current now = access->current();
        always_ready = always_ready && now.ready;
        return now.authorization == "Bearer def";
    }));
    EXPECT_TRUE(always_ready);
}

TEST_F(ExecPlugin, ARefreshJoinsARunThatIsUnderWay) {
    const auto access = access_to(
        print_status(R"("token": "abc", "expirationTimestamp": ")" + rfc3339(wall_now() + seconds(4)) + "\""));
    EXPECT_EQ(refreshed(*access), "ok");
    folder_.script("plugin", fmt::format("cd '{}'\necho run >> runs\nuntil test -e go; do sleep 0.02; done\n{}",
                                         folder_.path(), print_token("def")));
    EXPECT_TRUE(serve_until(*loop_, [&] {
        EXPECT_TRUE(access->current().ready || runs() == 2);
        return runs() == 2;
    }));
    bool answered = false;
    access->refresh([&](const Result<void>& done) { answered = done.has_value(); });
    EXPECT_TRUE(loop_->run_once(Duration::zero()));
    EXPECT_FALSE(answered);
    folder_.put("go", "");
    EXPECT_TRUE(serve_until(*loop_, [&] { return answered; }));
    EXPECT_EQ(access->current().authorization, "Bearer def");
    EXPECT_EQ(runs(), 2U);
}

TEST_F(ExecPlugin, AWallClockThatIsWrongLocksNobodyOut) {
    places_.wall_clock = [] { return wall_now() + hours(48); };
    const auto access =
        access_to(print_status(R"("token": "abc", "expirationTimestamp": ")" + rfc3339(wall_now() + hours(1)) + "\""));
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_TRUE(access->current().ready);
    EXPECT_EQ(access->current().authorization, "Bearer abc");
    EXPECT_THAT(access->current().problem, HasSubstr("clock"));
}

TEST_F(ExecPlugin, SettingTheWallClockChangesNothing) {
    auto shift = seconds(0);
    places_.wall_clock = [&] { return wall_now() + shift; };
    const auto access =
        access_to(print_status(R"("token": "abc", "expirationTimestamp": ")" + rfc3339(wall_now() + hours(1)) + "\""));
    EXPECT_EQ(refreshed(*access), "ok");
    shift = hours(48);
    EXPECT_TRUE(access->current().ready);
    EXPECT_EQ(access->current().problem, "");
    EXPECT_TRUE(loop_->run_once(Duration::zero()));
    EXPECT_EQ(runs(), 1U);
}

TEST_F(ExecPlugin, AnotherPluginInTheKubeconfigIsUsed) {
    const auto access = access_to(print_token("abc"));
    EXPECT_EQ(refreshed(*access), "ok");
    use_kubeconfig("token: static");
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(access->current().authorization, "Bearer static");
    EXPECT_TRUE(access->current().ready);
    folder_.script("other", print_token("other"));
    use_kubeconfig("exec: {apiVersion: " + kVersion + ", command: ./other}");
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(access->current().authorization, "Bearer other");
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
