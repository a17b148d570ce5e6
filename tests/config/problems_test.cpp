// SPDX-License-Identifier: Apache-2.0
//
// What an operator is told about each thing that can be wrong: place, path and words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/support.h"

namespace leasehold::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Case {
    const char* name;
    std::string text;
    const char* place;     // "f:3:9: election.name: "
    const char* fragment;  // of the message
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class OneProblem : public testing::TestWithParam<Case> {};

TEST_P(OneProblem, IsReportedWhereItStands) {
    const Case& c = GetParam();
    const Loaded loaded = load_text(c.text, with({{"EMPTY", ""}, {"LATIN1", "\xe9"}, {"NUMBER", "15"}}));
    ASSERT_EQ(loaded.problems.size(), 1U) << problems_of(loaded);
    EXPECT_THAT(loaded.problems[0].text("f"), StartsWith(c.place));
    EXPECT_THAT(loaded.problems[0].message, HasSubstr(c.fragment));
}

std::string election(const std::string& line) { return minimal("  " + line + '\n'); }
std::string workload(const std::string& line) { return minimal("", "  " + line + '\n'); }
std::string top(const std::string& line) { return minimal("", line + '\n'); }
std::string named(const std::string& name) { return "{workload: {command: [c]}, election: {name: " + name + "}}"; }

std::string name_of_case(const testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Structure, OneProblem,
    testing::Values(
        Case{"Empty", "", "f:1:1: ", "the smallest one is {election: {name: my-service}, workload: {command:"},
        Case{"OnlyComments", "# nothing\n", "f:1:1: ", "the file is empty"},
        Case{"OnlyNull", "---\n~\n", "f:1:1: ", "the file is empty"},
        Case{"List", "\n- a\n", "f:2:1: ", "must be a mapping, not a list; write {election: {name: my-service}}"},
        Case{"Scalar", "hello", "f:1:1: ", "must be a mapping, not a single value"},
        Case{"SecondDocument", minimal() + "---\na: b\n", "f:5:1: ", "a second YAML document begins here"},
        Case{"TrailingText", named("e") + " x", "f:1:49: ", "a second YAML document begins here"},
        Case{"Tab", "election:\n\tname: e\n", "f:2:6: ", "indent with spaces, not with tabs"},
        Case{"OpenQuote", "election: \"e\n", "f:2:1: ", "is a closing quote missing?"},
        Case{"OpenQuoteWithoutLineFeed", "election: 'e", "f:1:13: ", "is a closing quote missing?"},
        Case{"UnsupportedEscape", "election: {name: \"\\N\"}", "f:1:18: ", "write \\u0085 or \\u00a0"},
        Case{"UnknownEscape", "election: {name: \"\\\xc3\xa9\"}", "f:1:21: ", "unknown escape character: \\xc3"},
        Case{"ColonInValue", "election: a: b\n", "f:1:12: ", "quote values that hold ': '"},
        Case{"UnquotedVariableInFlow", "election: {name: ${X}}", "f:1:19: ", "a value with ${NAME} needs quotes"},
        Case{"UnknownAlias", "election: *nobody\n", "f:1:11: ", "not valid YAML: the referenced anchor is not defined"},
        Case{"AliasOfItself", "election: &e {name: *e}\n", "f:1:21: ", "stands inside of what it refers to"},
        Case{"MergeKey", top("http: {<<: {}}"), "f:5:8: http: ", "merge keys (<<) are not supported"},
        Case{"ListAsKey", top("http: {[a]: b}"), "f:5:8: http: ", "a list cannot be a key"},
        Case{"NullAsKey", workload("env: {~: x}"), "f:5:9: workload.env: ", "nothing cannot be a key"},
        Case{"TagOnScalar", named("!!binary ZQ=="), "f:1:45: election.name: ", "the YAML tag '!!binary'"},
        Case{"TagOnMapping", top("http: !mine {}"), "f:5:7: http: ", "the YAML tag '!mine'"},
        Case{"TagOnKey", top("http: {!!str listen: []}"), "f:5:8: http: ", "the YAML tag '!!str'"},
        Case{"TagOnItem", top("http: {listen: [!!str ':1']}"), "f:5:17: http.listen[0]: ", "the YAML tag '!!str'"},
        Case{"SectionIsScalar", top("logging: debug"),
             "f:5:10: logging: ", "must be a mapping, not a single value; write {level: info}"},
        Case{"SectionIsList", top("http: [\":1\"]"), "f:5:7: http: ", "must be a mapping, not a list"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Keys, OneProblem,
    testing::Values(
        Case{"UnknownNearASibling", election("lease_duraton: 5s"),
             "f:3:3: election.lease_duraton: ", "unknown key; did you mean lease_duration?"},
        Case{"UnknownInOtherCase", election("leaseDuration: 5s"),
             "f:3:3: election.leaseDuration: ", "did you mean lease_duration?"},
        Case{"UnknownWithHyphens", election("renew-deadline: 5s"),
             "f:3:3: election.renew-deadline: ", "did you mean renew_deadline?"},
        Case{"UnknownSection", top("loging: {level: info}"), "f:5:1: loging: ", "did you mean logging?"},
        Case{"KnownElsewhere", top("grace_period: 5s"),
             "f:5:1: grace_period: ", "unknown key here; did you mean workload.stop.grace_period?"},
        Case{"Dotted", top("http.listen: []"), "f:5:1: http.listen: ", "unknown key; write http: {listen: ...}"},
        Case{"UnknownAltogether", top("logging: {colour: red}"),
             "f:5:11: logging.colour: ", "unknown key; known here: level, format"},
        Case{"KeyThatIsNone", workload("colour: {}"),
             "f:5:3: workload.colour: ", "known here: command, standby_command"},
        Case{"NoUmask", workload("umask: 9"), "f:5:10: workload.umask: ", "'9' is no umask; write three octal digits"},
        Case{"NoLimit", workload("limits: {files: 5}"),
             "f:5:12: workload.limits.files: ", "is no limit; known here: as, core, cpu"},
        Case{"NoAmount", workload("limits: {nofile: 5X}"), "f:5:20: workload.limits.nofile: ", "write 1024, 64K, "},
        Case{"SoftAboveHard", workload("limits: {nofile: \"9:5\"}"),
             "f:5:20: workload.limits.nofile: ", "has a soft limit above the hard one"},
        Case{"NoFolder", workload("working_directory: tmp"), "f:5:22: workload.working_directory: ", ""},
        Case{"NotNice", workload("nice: 20"), "f:5:9: workload.nice: ", "must be between -20 and 19"},
        Case{"NoAccount", workload("user: a b"), "f:5:9: workload.user: ", "is no name of a user or a group"},
        Case{"NoFormat", workload("output: {format: xml}"), "f:5:20: workload.output.format: ", "inherit, text, json"},
        Case{"NoSize", workload("output: {format: text, buffer: 1MB}"),
             "f:5:34: workload.output.buffer: ", "'1MB' is no size; write one like 64K or 1M"},
        Case{"SmallBuffer", workload("output: {format: text, buffer: 64K}"),
             "f:5:34: workload.output.buffer: ", "must be between 128K and 1024M"},
        Case{"PrefixOfTwoLines", workload("output: {format: text, prefix: \"a\\nb\"}"),
             "f:5:34: workload.output.prefix: ", "newline"},
        Case{"OutputOfNoUse", workload("output: {overflow: drop}"),
             "f:5:3: workload.output.format: ", "is inherit, so that nothing is captured"},
        Case{"PrefixOfAnObject", workload("output: {format: json, prefix: x}"),
             "f:5:26: workload.output.prefix: ", "is for the format text"},
        Case{"ShrinkingPauses", workload("restart: {initial_backoff: 2m}"),
             "f:5:13: workload.restart.initial_backoff: ", "is 2m, longer than max_backoff, 1m"},
        Case{"ShrinkingPausesByTheOther", workload("restart: {max_backoff: 500ms}"),
             "f:5:3: workload.restart.initial_backoff: ", "is 1s, longer than max_backoff, 500ms"},
        Case{"NoPause", workload("restart: {initial_backoff: 0s}"),
             "f:5:30: workload.restart.initial_backoff: ", "is less than 10ms"},
        Case{"NoCooldown", workload("restart: {cooldown: 0s}"),
             "f:5:23: workload.restart.cooldown: ", "is less than 1s"},
        Case{"NeverGivesUp", workload("restart: {policy: always, give_up_after: 20}"),
             "f:5:3: workload.restart.within: ", "is over before 20 starts again can have happened"},
        Case{"NoPolicy", workload("restart: {policy: sometimes}"),
             "f:5:21: workload.restart.policy: ", "is not one of never, on-failure, always"},
        Case{"NoStatus", workload("restart: {success_exit_codes: [256]}"),
             "f:5:34: workload.restart.success_exit_codes[0]: ", ""},
        Case{"SocketWithoutAFolder", top("control: {socket: leasehold.sock}"),
             "f:5:19: control.socket: ", "is not an absolute path"},
        Case{"SocketWithALongPath", top("control: {socket: /" + std::string(107, 'x') + "}"),
             "f:5:19: control.socket: ", "is longer than the 107 bytes that a socket may have"},
        Case{"NoProbe", workload("health: {}"),
             "f:5:3: workload.health: ", "asks nothing; write one of exec, http or tcp"},
        Case{"NothingAsked", workload("candidacy: {interval: 3s}"), "f:5:3: workload.candidacy: ", "asks nothing"},
        Case{"TwoProbes", workload("health: {exec: [a], tcp: \"localhost:1\"}"),
             "f:5:3: workload.health: ", "asks more than one thing; keep one of exec, http or tcp"},
        Case{"NothingToBeReadyBy", workload("ready: {notify: false, start_timeout: 5s}"),
             "f:5:3: workload.ready: ", "asks nothing; write one of notify, exec, http or tcp"},
        Case{"TwoWaysToBeReady", workload("ready: {notify: true, tcp: \"localhost:1\"}"),
             "f:5:3: workload.ready: ", "asks more than one thing; keep one of notify, exec, http or tcp"},
        Case{"StatusOfAWord", workload("ready: {notify: true, status: 204}"),
             "f:5:3: workload.ready: ", "has status or headers, which only http has"},
        Case{"NoFailuresOfAStart", workload("ready: {tcp: \"localhost:1\", failure_threshold: 2}"),
             "f:5:31: workload.ready.failure_threshold: ", "unknown"},
        Case{
            "NoTimeToStart", workload("ready: {tcp: \"localhost:1\", initial_delay: 5s, start_timeout: 5s}"),
            "f:5:50: workload.ready.start_timeout: ", "is 5s, in which the probe cannot pass once: it begins after 5s"},
        Case{"NoTimeForAllPasses",
             workload("ready: {exec: [a], interval: 10s, success_threshold: 4, start_timeout: 29s}"),
             "f:5:59: workload.ready.start_timeout: ", "cannot pass 4 times in a row: it begins after 0s"},
        Case{"StatusOfTcp", workload("health: {tcp: \"localhost:1\", status: 204}"),
             "f:5:3: workload.health: ", "has status or headers, which only http has"},
        Case{"DelayOfCandidacy", workload("candidacy: {tcp: \"localhost:1\", initial_delay: 1s}"),
             "f:5:35: workload.candidacy.initial_delay: ", "did you mean workload.ready.initial_delay?"},
        Case{"NoScheme", workload("health: {http: \"localhost:1/health\"}"),
             "f:5:18: workload.health.http: ", "begins neither with http:// nor with https://"},
        Case{"Fragment", workload("health: {http: \"http://localhost:1/#a\"}"),
             "f:5:18: workload.health.http: ", "has a fragment"},
        Case{"UserInUrl", workload("health: {http: \"http://u@localhost:1/\"}"),
             "f:5:18: workload.health.http: ", "holds a user or a password"},
        Case{"BlankInUrl", workload("health: {http: \"http://localhost:1/a b\"}"),
             "f:5:18: workload.health.http: ", "holds a character that no URL has"},
        Case{"PortOfUrl", workload("health: {http: \"http://localhost:99999/\"}"),
             "f:5:18: workload.health.http: ", "has no port from 0 to 65535"},
        Case{"NameOfTcp", workload("health: {tcp: \"db.example:1\"}"),
             "f:5:17: workload.health.tcp: ", "has a name, which is not looked up here"},
        Case{"NoPortOfTcp", workload("health: {tcp: localhost}"), "f:5:17: workload.health.tcp: ", "has no port"},
        Case{"StatusBackwards", workload("health: {http: \"http://a/\", status: 399-200}"),
             "f:5:39: workload.health.status: ", "is empty; write 200-399"},
        Case{"NoHttpStatus", workload("health: {http: \"http://a/\", status: 20}"),
             "f:5:39: workload.health.status: ", "write one like 200-399 or 204"},
        Case{"NameOfHeader", workload("health: {http: \"http://a/\", headers: {\"a b\": c}}"),
             "f:5:41: workload.health.headers.a b: ", "'a b' is no name for a header"},
        Case{"NoThreshold", workload("health: {http: \"http://a/\", failure_threshold: 0}"),
             "f:5:50: workload.health.failure_threshold: ", "must be between 1 and"},
        Case{"UnknownStore", election("store: {paper: {}}"),
             "f:3:11: election.store.paper: ", "known here: file, kubernetes, etcd, consul, zookeeper"},
        Case{"TwoStores", election("store: {kubernetes: {}, file: {}}"),
             "f:3:27: election.store.file: ", "only one of file, kubernetes, etcd, consul, zookeeper may be given"},
        Case{"HalfASecond", election("lease_duration: 15500ms\n  store: {kubernetes: {}}"),
             "f:3:3: election.lease_duration: ", "is 15.5s; Kubernetes keeps whole seconds: write 16s"},
        Case{"NoNameForAnObject", "election: {name: Big_Lock, store: {kubernetes: {}}}\nworkload: {command: [c]}\n",
             "f:1:12: election.name: ", "'Big_Lock' is no name for an object in Kubernetes"},
        Case{"NoNameForAnObjectEither", election("store: {kubernetes: {name: a..b}}"),
             "f:3:30: election.store.kubernetes.name: ", "'a..b' is no name for an object in Kubernetes"},
        Case{"NoNamespace", election("store: {kubernetes: {namespace: a.b}}"),
             "f:3:35: election.store.kubernetes.namespace: ", "is no name for a namespace"},
        Case{"NoLabel", election("store: {kubernetes: {role_label: a/b/c}}"),
             "f:3:36: election.store.kubernetes.role_label: ", "is no key of a label"},
        Case{"NoOwner", election("store: {kubernetes: {owner: Deployment/billing}}"),
             "f:3:31: election.store.kubernetes.owner: ", "write it like apps/v1/Deployment/billing/"},
        Case{"NoLock", election("store: {kubernetes: {lock: pod}}"),
             "f:3:30: election.store.kubernetes.lock: ", "is not one of lease, endpoints, configmap"},
        Case{"ConsulPrefixFromTheRoot", election("store: {consul: {prefix: /leasehold/}}"),
             "f:3:20: election.store.consul.prefix: ", "'/leasehold/' has a part that is empty or '.'"},
        Case{"ConsulPrefixElsewhere", election("store: {consul: {prefix: a/../}}"),
             "f:3:20: election.store.consul.prefix: ", "the key 'a/../e' has two dots in a row"},
        Case{"ConsulPrefixOfOddCharacters", election("store: {consul: {prefix: \"a b/\"}}"),
             "f:3:20: election.store.consul.prefix: ", "'a b/' has other characters than letters, digits and"},
        Case{"ConsulNameWithTwoDots", "{workload: {command: [c]}, election: {name: a..b, store: {consul: {}}}}",
             "f:1:39: election.name: ", "the key 'leasehold/a..b' has two dots in a row"},
        Case{"ConsulWithoutADatacenter", election("store: {consul: {address: \"http://consul:8500\"}}"),
             "f:3:11: election.store.consul: ", "has no datacenter, and 'http://consul:8500' is not on this machine"},
        Case{"ConsulHalfACertificate", election("store: {consul: {cert_file: /c}}"),
             "f:3:11: election.store.consul: ", "has cert_file without key_file; both are needed"},
        Case{"ConsulPath", election("store: {consul: {address: \"http://a:1/v1\"}}"),
             "f:3:29: election.store.consul.address: ", "has a path"},
        Case{"ConsulAddressLikeLoopback", election("store: {consul: {address: \"http://localhost.example:8500\"}}"),
             "f:3:11: election.store.consul: ", "write datacenter: dc1"},
        Case{"NoStore", election("store: {}"), "f:3:3: election.store: ",
             "must hold one of: file, kubernetes, etcd, consul, zookeeper; write {file: {}}"},
        Case{"NullStore", election("store:"),
             "f:3:3: election.store: ", "must hold one of: file, kubernetes, etcd, consul, zookeeper"},
        Case{"ScalarStore", election("store: file"), "f:3:10: election.store: ", "write {file: {}}"},
        Case{"UglyName", top("\"a\\nb\\u0085\": 1"), "f:5:1: 'a\\nb", "unknown key"},
        Case{"LongName", top(std::string(100, 'k') + ": 1"), "f:5:1: 'kkkk", "unknown key"},
        Case{"Duplicate", election("name: e"), "f:3:3: election.name: ", "is given twice, first in line 2; remove one"},
        Case{"DuplicateSection", top("election: {name: x}"), "f:5:1: election: ", "is given twice, first in line 1"},
        Case{"DuplicateQuoted", election("'name': e"), "f:3:3: election.name: ", "is given twice"},
        Case{"DuplicateVariable", workload("env: {A: 1, B: 2, A: 3}"), "f:5:21: workload.env.A: ", "is given twice"},
        Case{"MissingName", "workload: {command: [c]}",
             "f: election.name: ", "is missing; write election: {name: my-service}"},
        Case{"MissingNameInSection", "\n  \nelection: {}\nworkload: {command: [c]}",
             "f:3:1: election.name: ", "is missing"},
        Case{"MissingCommand", "election: {name: e}\nworkload: {}",
             "f:2:1: workload.command: ", "is missing; write workload: {command: [/usr/sbin/program, --flag]}"},
        Case{"ColumnsAreCharacters",
             "# \xc3\xa9\n{\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\": 1, workload: {command: [c]}, election: {name: e}}",
             "f:2:2: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80: ", "unknown key"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Values, OneProblem,
    testing::Values(
        Case{"NoValue", top("identity:"), "f:5:1: identity: ", "has no value; write one, or remove the key"},
        Case{"EmptyIdentity", top("identity: ''"), "f:5:11: identity: ", "'' is empty; write a name, or remove"},
        Case{"IdentityWithControl", top("identity: \"a\\nb\""), "f:5:11: identity: ", "'a\\nb' holds a control"},
        Case{"LongIdentity", top("identity: " + std::string(254, 'i')), "f:5:11: identity: ", "longer than 253"},
        Case{"EmptyName", named("''"), "f:1:45: election.name: ", "'' is empty; write the name of the lock"},
        Case{"NameWithSlash", named("a/b"), "f:1:45: election.name: ", "may hold only letters, digits"},
        Case{"NameWithDotFirst", named(".."), "f:1:45: election.name: ", "must begin with a letter or a digit"},
        Case{"LongName", named(std::string(254, 'n')), "f:1:45: election.name: ", "longer than 253"},
        Case{"NameTooLongForAFile", named(std::string(240, 'n')),
             "f: election.store.file.path: ", "(the default) names a file with more than 240 bytes"},
        Case{"NameIsList", named("[e]"), "f:1:45: election.name: ", "must be a single value, not a list"},
        Case{"NameIsMapping", named("{e: e}"), "f:1:45: election.name: ", "must be a single value, not a mapping"},
        Case{"BareDuration", election("lease_duration: 15"),
             "f:3:19: election.lease_duration: ", "'15' has no unit; write 15s for seconds"},
        Case{"WordDuration", election("lease_duration: soon"),
             "f:3:19: election.lease_duration: ", "is not a duration; write one like 15s"},
        Case{"Drift", election("clock_drift: 0.01"), "f:3:16: election.clock_drift: ", "is not a percentage"},
        Case{"LargeDrift", election("clock_drift: 11%"), "f:3:16: election.clock_drift: ", "between 0% and 10%"},
        Case{"RelativePath", election("store: {file: {path: a}}"),
             "f:3:24: election.store.file.path: ", "is not an absolute path; begin it with '/'"},
        Case{"FolderPath", election("store: {file: {path: /a/}}"),
             "f:3:24: election.store.file.path: ", "names a folder"},
        Case{"CommandLine", "election: {name: e}\nworkload: {command: /bin/a --b  c}",
             "f:2:21: workload.command: ", "must be a list, not a single value; write [/bin/a, --b, c]"},
        Case{"ShellCommand", "election: {name: e}\nworkload: {command: a | b}",
             "f:2:21: workload.command: ", "write [/usr/sbin/program, --flag]"},
        Case{"EmptyCommand", "election: {name: e}\nworkload: {command: []}",
             "f:2:21: workload.command: ", "is an empty list; write [/usr/sbin/program, --flag]"},
        Case{"NullCommand", "election: {name: e}\nworkload:\n  command:", "f:3:3: workload.command: ", "has no value"},
        Case{"EmptyProgram", "election: {name: e}\nworkload: {command: ['', a]}",
             "f:2:22: workload.command[0]: ", "'' is empty; it is the program to run"},
        Case{"NullArgument", "election: {name: e}\nworkload: {command: [a, ~]}",
             "f:2:21: workload.command[1]: ", "has no value; write one, or \"\" for an empty one"},
        Case{"ListAsArgument", "election: {name: e}\nworkload: {command: [a, [b]]}",
             "f:2:25: workload.command[1]: ", "must be a single value, not a list"},
        Case{"NulInArgument", "election: {name: e}\nworkload: {command: [a, \"b\\0c\"]}",
             "f:2:25: workload.command[1]: ", "'b\\x00c' holds a NUL character"},
        Case{"EnvIsList", workload("env: [A=b]"), "f:5:8: workload.env: ", "must be a mapping, not a list"},
        Case{"VariableWithoutValue", workload("env: {A: }"), "f:5:9: workload.env.A: ", "has no value"},
        Case{"VariableName", workload("env: {a-b: c}"), "f:5:9: workload.env.a-b: ", "is not a name for a variable"},
        Case{"VariableOfOurs", workload("env: {LEASEHOLD_ROLE: c}"),
             "f:5:9: workload.env.LEASEHOLD_ROLE: ", "is set by leasehold itself"},
        Case{"Signal", workload("stop: {signal: TREM}"), "f:5:18: workload.stop.signal: ", "did you mean TERM?"},
        Case{"Grace", workload("stop: {grace_period: 0s}"),
             "f:5:24: workload.stop.grace_period: ", "'0s' must be longer than zero"},
        Case{"ListenIsScalar", top("http: {listen: ':1'}"), "f:5:16: http.listen: ", "write [\":1\"]"},
        Case{"TlsWithoutKey", top("http: {tls: {cert_file: /c}}"), "f:5:8: http.tls: ", "has no key_file; both"},
        Case{"TlsWithoutAnything", top("http: {tls: {}}"), "f:5:8: http.tls: ", "has no cert_file; both"},
        Case{"TokenFileIsRelative", top("http: {token_file: token}"), "f:5:20: http.token_file: ", "'token'"},
        Case{"ListenWithoutPort", top("http: {listen: [localhost]}"), "f:5:17: http.listen[0]: ", "has no port"},
        Case{"Level", top("logging: {level: trace}"),
             "f:5:18: logging.level: ", "'trace' is not one of debug, info, warn, error"},
        Case{"Format", top("logging: {format: TEXT}"), "f:5:19: logging.format: ", "not one of text, json"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Expansion, OneProblem,
    testing::Values(
        Case{
            "Unset", top("identity: ${NOBODY}"), "f:5:11: identity: ",
            "'${NOBODY}' needs the environment variable NOBODY, which is not set; set it, or write ${NOBODY:-default}"},
        Case{"ExpandsToNothing", named("'${EMPTY}'"), "f:1:45: election.name: ", "'' (from '${EMPTY}') is empty"},
        Case{"DefaultIsNothing", named("'${NOBODY:-}'"), "f:1:45: election.name: ", "'' (from '${NOBODY:-}') is empty"},
        Case{"ItemExpandsToNothing", top("http: {listen: ['${EMPTY}']}"),
             "f:5:17: http.listen[0]: ", "'${EMPTY}' expands to nothing; remove the item, or give a default"},
        Case{"NotUtf8", top("identity: ${LATIN1}"), "f:5:11: identity: ", "whose value is not UTF-8"},
        Case{"BareDollar", top("identity: a$b"), "f:5:11: identity: ", "write $$ for a dollar"},
        Case{"BadValue", election("lease_duration: ${NUMBER}"),
             "f:3:19: election.lease_duration: ", "'15' (from '${NUMBER}') has no unit"},
        Case{"NotInKeys", workload("env: {'${NUMBER}': x}"),
             "f:5:9: workload.env.${NUMBER}: ", "is not a name for a variable"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(Timing, OneProblem,
                         testing::Values(Case{"AtItsKey", election("renew_deadline: 20s"),
                                              "f:3:3: election.renew_deadline: ",
                                              "renew_deadline (20s) must be less than lease_duration - margin"},
                                         Case{"AtTheSection", election("lease_duration: 10s"),
                                              "f:1:1: election.renew_deadline: ", "these would work"}),
                         name_of_case);

TEST(Problems, AllAreReportedInOneGoInTheOrderOfTheFile) {
    EXPECT_EQ(problems_in("idenity: x\n"
                          "election:\n"
                          "  retry_period: 9s\n"
                          "  store: {file: {path: a, size: 5}}\n"
                          "workload:\n"
                          "  command: run\n"
                          "  env: {A: $B, LEASEHOLD_X: 1, A: 2}\n"
                          "  stop: {signal: NOPE, grace_period: 5}\n"
                          "http: {listen: [':1', x, ':99999']}\n"
                          "logging: {level: ${L}}\n"
                          "logging: {}\n")
                  .substr(0, 20),
              "f:10:19: not valid Y");  // a file that is not YAML has this one problem, and after that:
    EXPECT_EQ(
        problems_in("idenity: x\n"
                    "election:\n"
                    "  retry_period: 9s\n"
                    "  store: {file: {path: a, size: 5}}\n"
                    "workload:\n"
                    "  command: run\n"
                    "  env: {A: $B, LEASEHOLD_X: 1, A: 2}\n"
                    "  stop: {signal: NOPE, grace_period: 5}\n"
                    "http: {listen: [':1', x, ':99999']}\n"
                    "logging: {level: '${L}'}\n"
                    "logging: {}\n"),
        "f:1:1: idenity: unknown key; did you mean identity?\n"
        "f:2:1: election.name: is missing; write election: {name: my-service}\n"
        "f:3:3: election.retry_period: one failed renewal would end leadership: 2 * retry_period (2 * 9s) must not "
        "exceed renew_deadline (10s); these would work: lease_duration: 15s, renew_deadline: 10s, retry_period: 2s\n"
        "f:4:24: election.store.file.path: 'a' is not an absolute path; begin it with '/'\n"
        "f:4:27: election.store.file.size: unknown key; known here: path\n"
        "f:6:12: workload.command: must be a list, not a single value; write [run]\n"
        "f:7:12: workload.env.A: '$B' has a '$' that begins no ${NAME}; write $$ for a dollar\n"
        "f:7:16: workload.env.LEASEHOLD_X: 'LEASEHOLD_X' is set by leasehold itself; choose another name\n"
        "f:7:32: workload.env.A: is given twice, first in line 7; remove one\n"
        "f:8:18: workload.stop.signal: 'NOPE' is not a signal; write a name such as TERM, INT, QUIT or RTMIN+3, or a "
        "number\n"
        "f:8:38: workload.stop.grace_period: '5' has no unit; write 5s for seconds or 5ms for milliseconds\n"
        "f:9:23: http.listen[1]: 'x' has no port; write HOST:PORT, such as 0.0.0.0:9090, [::]:9090 or :9090\n"
        "f:9:26: http.listen[2]: ':99999' has no port from 0 to 65535; write HOST:PORT, such as 0.0.0.0:9090, "
        "[::]:9090 or :9090\n"
        "f:10:18: logging.level: '${L}' needs the environment variable L, which is not set; set it, or write "
        "${L:-default}\n"
        "f:11:1: logging: is given twice, first in line 10; remove one\n");
}

TEST(Problems, ATimingIsNotHeldAgainstADefaultThatWasNotMeant) {
    const std::string problems = problems_in(minimal("  lease_duration: 60\n  renew_deadline: 40s\n"));
    EXPECT_THAT(problems, HasSubstr("f:3:19: election.lease_duration: '60' has no unit"));
    EXPECT_THAT(problems, testing::Not(HasSubstr("renew_deadline")));
}

TEST(Problems, NothingIsMissingInWhatCouldNotBeRead) {
    EXPECT_EQ(problems_in("election: 5\nworkload: [c]\n"),
              "f:1:11: election: must be a mapping, not a single value; write {name: my-service}\n"
              "f:2:11: workload: must be a mapping, not a list; write {command: [/path/to/program]}\n");
}

TEST(Problems, TextLeavesOutWhatIsMissing) {
    EXPECT_EQ((Problem{3, 7, "a.b", "is wrong"}.text("x.yaml")), "x.yaml:3:7: a.b: is wrong");
    EXPECT_EQ((Problem{3, 7, "", "is wrong"}.text("x.yaml")), "x.yaml:3:7: is wrong");
    EXPECT_EQ((Problem{0, 0, "a.b", "is wrong"}.text("x.yaml")), "x.yaml: a.b: is wrong");
    EXPECT_EQ((Problem{0, 0, "", "is wrong"}.text("x.yaml")), "x.yaml: is wrong");
}

}  // namespace
}  // namespace leasehold::config
