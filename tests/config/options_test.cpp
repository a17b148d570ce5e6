// SPDX-License-Identifier: Apache-2.0
//
// What a file means, and that printing options and reading them again changes nothing.
#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/quoting.h"
#include "tests/config/support.h"

namespace leasehold::config {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

Options loaded_from(const std::string& text, const Variables& variables = {}) {
    const Loaded loaded = load_text(text, with(variables));
    EXPECT_EQ(problems_of(loaded), "") << text;
    return loaded.options;
}

Options minimal_options() {
    Options options;
    options.election.name = "e";
    options.election.store.file.path = "/var/lib/leasehold/e.lease";
    options.workload.command = {"c"};
    return options;
}

constexpr const char* kFull = R"(# every key
identity: ${POD_NAME}
election:
  name: billing
  lease_duration: 30s
  renew_deadline: 20s
  retry_period: 2.5s
  clock_drift: 2%
  kill_allowance: 0.5s
  store: {file: {path: /run/billing.lease}}
workload:
  command:
    - /usr/sbin/legacyd
    - --foreground
    - 5
  env: {MODE: yes, UMASK: 0755, RATE: 1e3, EMPTY: ""}
  stop: {signal: SIGINT, grace_period: 1m}
  user: legacy
  group: 1000
  supplementary_groups: [auto, audio]
  umask: 027
  limits: {nofile: 64K, core: 0, memlock: "1M:unlimited"}
  working_directory: /srv
  env_file: /etc/legacy.env
  clear_env: true
  nice: -5
  oom_score_adj: 100
  restart: {policy: on-failure, success_exit_codes: [0, 143], initial_backoff: 500ms, max_backoff: 20s,
            reset_after: 1h, give_up_after: 3, within: 10m, then: hold, cooldown: 2m}
  ready: {exec: [serves, -q], interval: 500ms, timeout: 4s, initial_delay: 2s, success_threshold: 3,
          start_timeout: 10m}
  health: {http: "http://127.0.0.1:8080/health?full", status: 200-299, headers: {Accept: text/plain, X-A: "a: b"},
           interval: 3s, timeout: 1s, initial_delay: 10s, failure_threshold: 4, success_threshold: 2, then: resign}
  candidacy: {tcp: "[::1]:5432", interval: 1m}
  output: {format: text, prefix: "billing: ", overflow: drop, buffer: 512K, keep_last: 7}
  signals: {to: process, rewrite: {HUP: SIGUSR1, 12: none, SIGRTMIN+1: QUIT}}
  no_new_privs: true
protection: {scheduling: normal, oom_score_adj: -50, lock_memory: off}
http:
  listen: ["127.0.0.1:9090", "[::1]:0"]
  token_file: /run/token
  tls: {cert_file: /run/tls.crt, key_file: /run/tls.key}
control: {socket: /run/leasehold/billing.sock}
logging: {level: debug, format: json}
)";

Options full_options() {
    Options options;
    options.identity = "pod-1";
    options.election = {
        "billing",
        {seconds(30), seconds(20), std::chrono::milliseconds(2500), 0.02, std::chrono::milliseconds(500)},
        {.file = {"/run/billing.lease"}, .kubernetes = {}, .etcd = {}, .consul = {}, .zookeeper = {}}};
    options.workload.command = {"/usr/sbin/legacyd", "--foreground", "5"};
    options.workload.env = {{"MODE", "yes"}, {"UMASK", "0755"}, {"RATE", "1e3"}, {"EMPTY", ""}};
    options.workload.stop = {SIGINT, seconds(60)};
    constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
    options.workload.process = {"legacy",
                                "1000",
                                {"auto", "audio"},
                                027,
                                {{"nofile", {65536, 65536}}, {"core", {0, 0}}, {"memlock", {1 << 20, kUnlimited}}},
                                "/srv",
                                "/etc/legacy.env",
                                true,
                                -5,
                                100};
    options.workload.restart = {supervisor::RestartWhen::on_failure,
                                {0, 143},
                                std::chrono::milliseconds(500),
                                seconds(20),
                                std::chrono::hours(1),
                                3,
                                std::chrono::minutes(10),
                                supervisor::AfterTheLast::hold,
                                std::chrono::minutes(2)};
    options.workload.ready = {.notify = false,
                              .probe = {.given = true,
                                        .exec = {"serves", "-q"},
                                        .interval = std::chrono::milliseconds(500),
                                        .timeout = seconds(4),
                                        .initial_delay = seconds(2),
                                        .success_threshold = 3},
                              .start_timeout = std::chrono::minutes(10)};
    options.workload.health = {.given = true,
                               .http = "http://127.0.0.1:8080/health?full",
                               .interval = seconds(3),
                               .timeout = seconds(1),
                               .initial_delay = seconds(10),
                               .failure_threshold = 4,
                               .success_threshold = 2,
                               .status = {200, 299},
                               .headers = {{"Accept", "text/plain"}, {"X-A", "a: b"}},
                               .then = supervisor::AfterUnhealthy::resign};
    options.workload.candidacy = {.given = true, .tcp = "[::1]:5432", .interval = seconds(60)};
    options.workload.output = {supervisor::OutputFormat::text, "billing: ", supervisor::OutputOverflow::drop, 512 << 10,
                               7};
    options.workload.no_new_privs = supervisor::NoNewPrivileges::yes;
    options.protection = {supervisor::SchedulingChoice::normal, -50, supervisor::MemoryLocking::off};
    options.workload.signals = {supervisor::SignalTarget::process,
                                {{SIGHUP, SIGUSR1}, {SIGUSR2, 0}, {SIGRTMIN + 1, SIGQUIT}}};
    options.http.listen = {"127.0.0.1:9090", "[::1]:0"};
    options.http.token_file = "/run/token";
    options.http.tls = {true, "/run/tls.crt", "/run/tls.key"};
    options.control.socket = "/run/leasehold/billing.sock";
    options.logging = {log::Level::debug, log::Format::json};
    return options;
}

TEST(Options, AreWhatTheFileSays) { EXPECT_EQ(loaded_from(kFull, {{"POD_NAME", "pod-1"}}), full_options()); }

TEST(Options, AreDefaultsWhereTheFileSaysNothing) {
    EXPECT_EQ(loaded_from("{election: {name: e}, workload: {command: [c]}}"), minimal_options());
    EXPECT_EQ(loaded_from("election:\n  name: e\n  store:\n    file:\nworkload:\n  command: [c]\n  env:\n  stop:\n"
                          "http:\nlogging:\n"),
              minimal_options());
    EXPECT_EQ(loaded_from("{election: {name: e, store: {file: {path: ''}}}, workload: {command: [c]}}"),
              minimal_options());
    EXPECT_EQ(loaded_from("{election: {name: e, store: {file: {path: }}}, workload: {command: [c]}}"),
              minimal_options());
}

TEST(Options, KubernetesIsAStore) {
    Options expected = minimal_options();
    expected.election.store.file.path.clear();
    expected.election.store.kind = StoreKind::kubernetes;
    EXPECT_EQ(loaded_from("{election: {name: e, store: {kubernetes: {}}}, workload: {command: [c]}}"), expected);
    EXPECT_EQ(loaded_from("{election: {name: e, store: {kubernetes: }}, workload: {command: [c]}}"), expected);

    expected.election.store.kubernetes = {stores::KubernetesLock::endpoints, "lock.of-e", "ns",  "/a:/b", "dev",
                                          "http://u:p@proxy:3128",           true,        false, "",      "pod-1",
                                          "apps/v1/Deployment/d/1-2"};
    const std::string yaml = R"(election:
  name: e
  store:
    kubernetes:
      lock: endpoints
      name: lock.of-e
      namespace: ns
      kubeconfig: /a:/b
      context: dev
      proxy_url: http://u:p@proxy:3128
      proxy_from_environment: true
      events: false
      role_label: none
      pod: pod-1
      owner: apps/v1/Deployment/d/1-2
workload:
  command: [c]
)";
    EXPECT_EQ(loaded_from(yaml), expected);
    EXPECT_EQ(loaded_from(to_yaml(expected, false)), expected);
    EXPECT_EQ(to_yaml(expected, false).find("file:"), std::string::npos);
}

TEST(Options, AreTheSameInEveryWayOfWritingYaml) {
    const Options expected = minimal_options();
    EXPECT_EQ(loaded_from("\xef\xbb\xbf" + minimal()), expected);
    EXPECT_EQ(loaded_from("%YAML 1.2\n---\n" + minimal() + "...\n"), expected);
    EXPECT_EQ(loaded_from("election: {name: e}\r\nworkload:\r\n  command:\r\n  - c\r\n"), expected);
    EXPECT_EQ(loaded_from("election: {name: e}\nworkload: {command: [c]}"), expected);  // no line feed at the end
    EXPECT_EQ(loaded_from("\"election\": {'name': \"e\"}\n? workload\n: command: [\"\\x63\"]\n"), expected);
    EXPECT_EQ(loaded_from("{\"election\":{\"name\":\"e\"},\"workload\":{\"command\":[\"c\"]}}"), expected);  // JSON
    EXPECT_EQ(loaded_from("election: {name: &n e}\nworkload: {command: [c], env: {A: *n}}\n").workload.env.at("A"),
              "e");
    EXPECT_EQ(loaded_from("election: &x {name: e}\nworkload: {command: &c [c]}\nhttp: &h {listen: []}\n").http.listen,
              std::vector<std::string>());
}

TEST(Options, KeepTheTextOfValues) {
    const Options options = loaded_from(
        "{election: {name: 007}, workload: {command: [true, 0x1F, 1_000, 12:30:45, 2024-01-01, .5, null_, 'null']}}");
    EXPECT_EQ(options.election.name, "007");
    EXPECT_THAT(options.workload.command,
                ElementsAre("true", "0x1F", "1_000", "12:30:45", "2024-01-01", ".5", "null_", "null"));
    EXPECT_EQ(loaded_from("election: {name: e}\nworkload:\n  command: [c]\n  env:\n    A: |\n      one\n      two\n"
                          "    B: >-\n      one\n      two\n")
                  .workload.env,
              (std::map<std::string, std::string>{{"A", "one\ntwo\n"}, {"B", "one two"}}));
}

TEST(Options, DoWithoutACommandThatTheCommandLineGives) {
    LoadSettings settings = with({});
    settings.command_optional = true;
    const Loaded loaded = load_text("election: {name: e}", settings);
    EXPECT_EQ(problems_of(loaded), "");
    EXPECT_EQ(problems_of(load_text(to_yaml(loaded.options, false), settings)), "");
    EXPECT_EQ(problems_of(load_text("election: {name: e}\nworkload: {command: []}", settings)),
              "f:2:21: workload.command: is an empty list; write [/usr/sbin/program, --flag]\n");
}

TEST(Printing, IsReadBackToEqualOptions) {
    EXPECT_EQ(loaded_from(to_yaml(full_options(), false)), full_options());
    EXPECT_EQ(loaded_from(to_yaml(minimal_options(), false)), minimal_options());
    Options options = minimal_options();
    options.http.listen.clear();
    EXPECT_EQ(loaded_from(to_yaml(options, false)), options);
}

TEST(Printing, ShowsTheDefaultsOfAProbeThatThereIs) {
    Options options = minimal_options();
    options.workload.health.given = true;
    options.workload.health.exec = {"well"};
    EXPECT_NE(to_yaml(options, true).find(R"(  health:
    exec:
      - well
    status: 200-399
    headers: {}
    interval: 5s
    timeout: 2s
    failure_threshold: 3
    success_threshold: 1
    initial_delay: 0s
    then: restart
)"),
              std::string::npos)
        << to_yaml(options, true);
    EXPECT_EQ(loaded_from(to_yaml(options, false)), options);
    options.workload.health.exec.clear();
    options.workload.health.http = "http://localhost:1";
    options.workload.health.headers = {{"Authorization", "hunter2"}};
    EXPECT_EQ(to_yaml(options, true).find("hunter2"), std::string::npos);
    EXPECT_EQ(loaded_from(to_yaml(options, false)), options);
}

TEST(Printing, ShowsTheDefaultsOfAStart) {
    Options options = minimal_options();
    options.workload.ready.probe.given = true;
    options.workload.ready.notify = true;
    EXPECT_NE(to_yaml(options, true).find(R"(  ready:
    notify: true
    exec: []
    status: 200-399
    headers: {}
    interval: 1s
    timeout: 2s
    success_threshold: 1
    initial_delay: 0s
    start_timeout: 0s
)"),
              std::string::npos)
        << to_yaml(options, true);
    EXPECT_EQ(loaded_from(to_yaml(options, false)), options);
}

// Texts that some way of writing YAML would turn into something else.
const std::vector<std::string> kOddTexts = {
    "",
    " ",
    " leading",
    "trailing ",
    "\t",
    "\n",
    "a\nb",
    "a\n\n b\n",
    "\r\n",
    "a\rb",
    "yes",
    "No",
    "ON",
    "y",
    "N",
    "true",
    "False",
    "null",
    "Null",
    "~",
    "0755",
    "0o17",
    "0x1F",
    "1e3",
    "1_000",
    "12:30:45",
    ".5",
    "-.inf",
    ".NaN",
    "2024-01-01",
    "-5",
    "+5",
    "-",
    "--",
    "---",
    "...",
    "- a",
    "-a",
    "--flag",
    "---x",
    "?",
    "? a",
    ":",
    "a:",
    ": a",
    "a: b",
    "a:b",
    "#",
    "a #b",
    "a#b",
    "[",
    "]",
    "[a]",
    "{",
    "}",
    "{a: b}",
    ",",
    "a,b",
    "&a",
    "*a",
    "!a",
    "!!str a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "'",
    "\"",
    "it's",
    "\"quoted\"",
    "\\",
    "\\n",
    "a\\",
    "$",
    "$$",
    "${X}",
    "${X:-y}",
    "$X",
    "<<",
    "=",
    "\x01",
    "\x04",
    "\x07",
    "\x1b[31m",
    "\x7f",
    "\u0085",
    "\u00a0",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\u00e9",
    "\u20ac",
    "\U0001f600",
    "\ue000",
    "\ufffd",
    "/a/b",
    "/",
    "a/b.c",
    "http://x:1/?a=b&c=#d",
    "a  b",
    std::string(5000, 'x'),
    std::string(300, ' ') + "x",
    "\xef\xbf\xbe",
    "\xef\xbf\xbf",
};

TEST(Printing, QuotesWhatNeedsIt) {
    Options options = minimal_options();
    for (std::size_t i = 0; i < kOddTexts.size(); ++i) {
        options.workload.command.push_back(kOddTexts[i]);
        options.workload.env["V" + std::to_string(i)] = kOddTexts[i];
    }
    for (const char* name : {"y", "Y", "yes", "NO", "on", "null", "NULL", "true", "_", "e1"}) {
        options.workload.env[name] = name;
    }
    EXPECT_EQ(loaded_from(to_yaml(options, false)), options);
    EXPECT_EQ(loaded_from(to_yaml(options, true)), options);  // there are no secrets to mask yet
    for (const std::string& text : kOddTexts) {
        options = minimal_options();
        options.workload.command.push_back(text);
        EXPECT_EQ(loaded_from(to_yaml(options, false)), options) << testing::PrintToString(text);
    }
}

TEST(Printing, LeavesPlainWordsPlain) {
    for (const char* text : {"a", "abc-d.e_f+g", "/usr/bin/x", "--flag", "-x", "x1e3"}) {
        EXPECT_EQ(yaml_scalar(text), text);
    }
    EXPECT_EQ(yaml_scalar("yes"), "\"yes\"");
    EXPECT_EQ(yaml_scalar("5"), "\"5\"");
    EXPECT_EQ(yaml_scalar("a\tb\n\u2028\u0085\"\\"), "\"a\\tb\\n\\u2028\\u0085\\\"\\\\\"");
}

TEST(Printing, IsReadBackForRandomOptions) {
    std::mt19937 random(20240117);  // NOLINT: the same every time
    const auto upto = [&random](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n)(random); };
    const auto text = [&] { return kOddTexts[upto(kOddTexts.size() - 1)]; };
    for (int round = 0; round < 200; ++round) {
        Options options = minimal_options();
        election::Timing& timing = options.election.timing;
        timing.lease_duration = Duration(std::chrono::hours(1)) + Duration(upto(1'000'000'000'000));
        timing.renew_deadline = timing.lease_duration / 2;
        timing.retry_period = timing.lease_duration / (4 + static_cast<int>(upto(20)));
        timing.clock_drift = static_cast<double>(upto(100'000)) / 1e6;
        timing.kill_allowance = std::chrono::milliseconds(50) + Duration(upto(1'000'000'000));
        for (std::size_t n = upto(5); n > 0; --n) options.workload.command.push_back(text() + text());
        for (std::vector<std::string>* command :
             {&options.workload.standby_command, &options.workload.stop.command, &options.workload.hooks.before_start,
              &options.workload.hooks.after_start, &options.workload.hooks.before_stop,
              &options.workload.hooks.after_stop, &options.workload.hooks.on_new_leader}) {
            for (std::size_t n = upto(3); n > 0; --n) command->push_back("c" + text());
        }
        options.workload.hooks.timeout = Duration(1 + upto(10'000'000'000));
        for (std::size_t n = upto(5); n > 0; --n) options.workload.env["V" + std::to_string(n)] = text() + text();
        options.workload.stop.grace_period = Duration(1 + upto(10'000'000'000'000));
        options.workload.signals.to = static_cast<supervisor::SignalTarget>(upto(1));
        for (std::size_t n = upto(3); n > 0; --n) {
            options.workload.signals.rewrite[SIGRTMIN + static_cast<int>(upto(10))] = upto(1) == 0 ? 0 : SIGUSR1;
        }
        options.workload.containment = static_cast<supervisor::ContainmentChoice>(upto(3));
        options.workload.no_new_privs = static_cast<supervisor::NoNewPrivileges>(upto(2));
        options.protection.scheduling = static_cast<supervisor::SchedulingChoice>(upto(1));
        options.protection.oom_score_adj = static_cast<int>(upto(2000)) - 1000;
        options.protection.lock_memory = static_cast<supervisor::MemoryLocking>(upto(1));
        ASSERT_EQ(loaded_from(to_yaml(options, false)), options) << to_yaml(options, false);
    }
}

}  // namespace
}  // namespace leasehold::config
