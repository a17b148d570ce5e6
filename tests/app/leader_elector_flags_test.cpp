// SPDX-License-Identifier: Apache-2.0
#include "app/leader_elector_flags.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/store_rules.h"

namespace leasehold::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

using Arguments = std::vector<std::string>;

DropIn parsed(const Arguments& arguments) {
    const auto parsed = parse_leader_elector(arguments, "pod-1");
    EXPECT_THAT(parsed.problems, ElementsAre());
    // Nothing is left over for the configuration's check, which would speak of keys.
    EXPECT_TRUE(parsed.drop_in.help || config::check(options_of(parsed.drop_in).election).empty());
    return parsed.drop_in;
}

std::vector<std::string> refusals(const Arguments& arguments) {
    return parse_leader_elector(arguments, "pod-1").problems;
}

// The only one.
std::string refusal(const Arguments& arguments) {
    const auto problems = refusals(arguments);
    return problems.size() == 1 ? problems.front() : fmt::format("({} problems)", problems.size());
}

TEST(LeaderElectorFlags, TheArgumentsOfTheWellKnownExample) {
    const DropIn drop_in = parsed({"--election=example", "--http=0.0.0.0:4040"});
    EXPECT_EQ(drop_in.election, "example");
    EXPECT_EQ(drop_in.id, "pod-1");
    EXPECT_EQ(drop_in.http, "0.0.0.0:4040");
    EXPECT_EQ(drop_in.ttl, seconds(10));
    EXPECT_FALSE(drop_in.kubernetes.service_account_only);
    EXPECT_FALSE(drop_in.help);
    EXPECT_THAT(drop_in.ignored, ElementsAre());
    EXPECT_EQ(drop_in.kubernetes.lock, stores::KubernetesLock::endpoints);
    EXPECT_EQ(drop_in.kubernetes.name, "example");
    EXPECT_EQ(drop_in.kubernetes.namespace_name, "default");
    EXPECT_EQ(drop_in.kubernetes.role_label, "");
    EXPECT_TRUE(drop_in.kubernetes.events);
}

TEST(LeaderElectorFlags, EveryFlagInEveryFormOfGo) {
    const auto expect_all = [](const Arguments& arguments) {
        const DropIn drop_in = parsed(arguments);
        EXPECT_EQ(drop_in.election, "e");
        EXPECT_EQ(drop_in.kubernetes.namespace_name, "n");
        EXPECT_EQ(drop_in.id, "i");
        EXPECT_EQ(drop_in.http, "localhost:4040");
        EXPECT_EQ(drop_in.ttl, minutes(1) + seconds(30));
        EXPECT_TRUE(drop_in.kubernetes.service_account_only);
        EXPECT_THAT(drop_in.ignored, ElementsAre());
    };
    expect_all({"--election=e", "--election-namespace=n", "--id=i", "--http=localhost:4040", "--ttl=1m30s",
                "--use-cluster-credentials=true"});
    expect_all({"--election", "e", "--election-namespace", "n", "--id", "i", "--http", "localhost:4040", "--ttl", "90s",
                "--use-cluster-credentials"});
    expect_all({"-election=e", "-election-namespace=n", "-id", "i", "-http=localhost:4040", "-ttl", "1.5m",
                "-use-cluster-credentials=T"});
}

TEST(LeaderElectorFlags, TheLastOneCounts) {
    EXPECT_EQ(parsed({"--election=a", "--election", "b"}).kubernetes.name, "b");
    EXPECT_FALSE(parsed({"--election=a", "--use-cluster-credentials", "--use-cluster-credentials=false"})
                     .kubernetes.service_account_only);
}

TEST(LeaderElectorFlags, ABooleanDoesNotTakeTheNextArgument) {
    const DropIn drop_in = parsed({"--use-cluster-credentials", "false", "--election=a"});
    EXPECT_TRUE(drop_in.kubernetes.service_account_only);
    EXPECT_THAT(drop_in.ignored, ElementsAre("false"));
}

TEST(LeaderElectorFlags, AValueMayLookLikeAFlag) { EXPECT_EQ(parsed({"--election=a", "--id", "--x"}).id, "--x"); }

TEST(LeaderElectorFlags, LogFlagsAreIgnoredAndTold) {
    EXPECT_THAT(
        parsed({"--election=a", "--logtostderr", "-v=2", "--v", "4", "--vmodule", "a=1", "--log-dir=/tmp",
                "--stderrthreshold=INFO", "--alsologtostderr=true", "--log_backtrace_at", "a.go:1", "--initial-wait",
                "--skip-headers"})
            .ignored,
        ElementsAre("--logtostderr", "-v=2", "--v 4", "--vmodule a=1", "--log-dir=/tmp", "--stderrthreshold=INFO",
                    "--alsologtostderr=true", "--log_backtrace_at a.go:1", "--initial-wait", "--skip-headers"));
}

TEST(LeaderElectorFlags, NothingIsLookedAtBehindTwoDashes) {
    const DropIn drop_in = parsed({"--election=a", "--", "--id=x", "y"});
    EXPECT_EQ(drop_in.id, "pod-1");
    EXPECT_THAT(drop_in.ignored, ElementsAre("--id=x", "y"));
}

TEST(LeaderElectorFlags, AnEmptyAddressServesNothing) {
    const DropIn drop_in = parsed({"--election=a", "--http="});
    EXPECT_TRUE(options_of(drop_in).http.listen.empty());
    EXPECT_TRUE(options_of(parsed({"--election=a"})).http.listen.empty());
}

TEST(LeaderElectorFlags, Refusals) {
    EXPECT_THAT(refusal({"--election"}), HasSubstr("flag needs an argument: --election"));
    EXPECT_THAT(refusal({"--election="}), HasSubstr("--election cannot be empty"));
    EXPECT_THAT(refusal({"--http=:4040"}), HasSubstr("--election cannot be empty"));
    EXPECT_THAT(refusal({"--election=a b"}), HasSubstr("--election: 'a b' may hold only"));
    EXPECT_THAT(refusal({"--election=a", "--id="}), HasSubstr("--id cannot be empty"));
    EXPECT_THAT(refusal({"--election=a", "--election-namespace="}), HasSubstr("--election-namespace cannot be empty"));
    EXPECT_THAT(refusal({"--election=Not_A_Name"}), HasSubstr("--election: 'Not_A_Name' is no name for an object"));
    EXPECT_THAT(refusal({"--election=a", "--election-namespace=../x"}),
                HasSubstr("--election-namespace: '../x' is no name for a namespace"));
    EXPECT_THAT(refusal({"--election=a", "--election-namespace=a.b"}), HasSubstr("is no name for a namespace"));
    EXPECT_THAT(refusal({"--election=a", "--colour=blue"}), HasSubstr("unknown flag: --colour=blue"));
    EXPECT_THAT(refusal({"--election=a", "--kubeconfig", "x"}), HasSubstr("unknown flag: --kubeconfig"));
    EXPECT_THAT(refusal({"--election=a", "---id=x"}), HasSubstr("unknown flag: ---id=x"));
    EXPECT_THAT(refusal({"--election=a", "--use-cluster-credentials=maybe"}), HasSubstr("neither true nor false"));
    EXPECT_THAT(refusal({"--election=a", "--http=4040"}), HasSubstr("--http: '4040' has no port"));
}

// It could not be told from another one's in a record. The message can be shown.
TEST(LeaderElectorFlags, AnIdentityIsUtf8) {
    EXPECT_EQ(refusal({"--election=example", "--id=pod-\xe4"}), "--id: 'pod-\\xe4' is not UTF-8");
    EXPECT_EQ(parsed({"--election=example", "--id=pod-\xc3\xa4"}).id, "pod-\xc3\xa4");
}

TEST(LeaderElectorFlags, AllProblemsAreToldAtOnce) {
    EXPECT_THAT(refusals({"--election=A", "--colour=blue", "--ttl=1500ms", "--election-namespace=B", "--http=4040"}),
                ElementsAre(HasSubstr("--colour=blue"), HasSubstr("--ttl: "), HasSubstr("--election: 'A'"),
                            HasSubstr("--election-namespace: 'B'"), HasSubstr("--http: ")));
    EXPECT_TRUE(parsed({"--colour=blue", "--help"}).help);
}

TEST(LeaderElectorFlags, TheTtlIsWholeSecondsWithinReason) {
    EXPECT_THAT(refusal({"--election=a", "--ttl=1500ms"}), HasSubstr("; 1s or 2s would work"));
    EXPECT_THAT(refusal({"--election=a", "--ttl=250ms"}), HasSubstr("; 1s would work"));
    EXPECT_THAT(refusal({"--election=a", "--ttl=10"}), HasSubstr("--ttl: '10' has no unit; write 10s"));
    EXPECT_THAT(refusal({"--election=a", "--ttl=0s"}), HasSubstr("longer than zero"));
    EXPECT_THAT(refusal({"--election=a", "--ttl=-5s"}), HasSubstr("negative"));
    EXPECT_THAT(refusal({"--election=a", "--ttl=48h"}), HasSubstr("must be at most 24h"));
    EXPECT_EQ(parsed({"--election=a", "--ttl=1000ms"}).ttl, seconds(1));
}

TEST(LeaderElectorFlags, HelpIsNoError) {
    EXPECT_TRUE(parsed({"--help"}).help);
    EXPECT_TRUE(parsed({"--election=a", "-h"}).help);
    EXPECT_THAT(leader_elector_usage(), HasSubstr("--election-namespace"));
}

TEST(LeaderElectorFlags, TheTimingIsThatOfTheOriginalAndHolds) {
    for (const int ttl : {1, 2, 3, 10, 15, 3600}) {
        const config::Options options = options_of(parsed({"--election=a", "--ttl", std::to_string(ttl) + "s"}));
        EXPECT_TRUE(election::check(options.election.timing).empty()) << ttl;
    }
    const config::Options options = options_of(parsed({"--election=a", "--id=me", "--http=:4040"}));
    EXPECT_EQ(options.election.timing.lease_duration, seconds(10));
    EXPECT_EQ(options.election.timing.renew_deadline, seconds(5));
    EXPECT_EQ(options.election.timing.retry_period, milliseconds(2500));
    EXPECT_EQ(options.election.name, "a");
    EXPECT_EQ(options.identity, "me");
    EXPECT_THAT(options.http.listen, ElementsAre(":4040"));
}

TEST(LeaderElectorFlags, AreToldFromOurOwnCommandLine) {
    EXPECT_TRUE(is_leader_elector({"--election=a"}));
    EXPECT_TRUE(is_leader_elector({"-http", ":4040"}));
    EXPECT_TRUE(is_leader_elector({"--v=2", "--election", "a"}));
    EXPECT_TRUE(is_leader_elector({"--electoin=a", "--http=:4040"}));
    EXPECT_FALSE(is_leader_elector({}));
    EXPECT_FALSE(is_leader_elector({"--help"}));
    EXPECT_FALSE(is_leader_elector({"--version"}));
    EXPECT_FALSE(is_leader_elector({"-"}));
    EXPECT_FALSE(is_leader_elector({"run", "--config", "x", "--", "prog", "--election=a"}));
    EXPECT_FALSE(is_leader_elector({"sidecar", "--config", "x", "--election=a"}));
}

}  // namespace
}  // namespace leasehold::app
