// SPDX-License-Identifier: Apache-2.0
//
// workload.output, seen from outside: what is captured, what of it can be lost, and that nothing else depends on it.
#include <csignal>

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "tests/harness/with_candidates.h"

namespace leasehold::harness {
namespace {

using testing::HasSubstr;
using testing::Not;

class Output : public WithCandidates<testing::Test> {
protected:
    // A shell's command, with its output captured as `output` says.
    Candidate& start_shell(const std::string& name, const std::string& command, const std::string& output,
                           const std::string& more = "") {
        return start(name, {.command = {"sh", "-c", command}, .workload = workload(output, more)});
    }

    // The same, with leasehold's standard output on a pipe whose reader is the test.
    Candidate& start_shell_on_pipe(const std::string& name, const std::string& command, const std::string& output) {
        const std::string path = folder_.path(name + ".pipe");
        EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
        reader_.reset(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        return start(name, {.command = {"sh", "-c", command},
                            .workload = workload(output, "stop: {grace_period: 2s}"),
                            .launcher = {"sh", "-c", fmt::format("exec \"$0\" \"$@\" > {}", path)}});
    }

    static std::string workload(const std::string& output, const std::string& more) {
        return fmt::format("  output: {{{}}}\n{}", output, more.empty() ? "" : "  " + more + '\n');
    }

    static double metric(Candidate& candidate, const std::string& series) {
        const std::string text = http_get(candidate.http_port(), "/metrics").body;
        const auto at = text.find('\n' + series + ' ');
        return at == std::string::npos ? -1 : std::atof(text.c_str() + at + 2 + series.size());
    }
    static nlohmann::json status(Candidate& candidate) {
        return nlohmann::json::parse(http_get(candidate.http_port(), "/status").body);
    }

    // Of the file that the numbers 1, 2, 3, ... were written to: those that are missing.
    static std::vector<long> missing_numbers(const std::string& text, long last) {
        std::vector<long> missing;
        long expected = 1;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            if (line.find_first_not_of("0123456789") != std::string::npos || line.empty()) continue;
            const long number = std::stol(line);
            if (number < expected || number > last) continue;  // the end of a torn one
            for (; expected < number; ++expected) missing.push_back(expected);
            ++expected;
        }
        for (; expected <= last; ++expected) missing.push_back(expected);
        return missing;
    }

    UniqueFd reader_;
};

constexpr const char* kSpin = "i=0; while :; do i=$((i+1)); echo line $i of some length to fill the pipe; done";

TEST_F(Output, IsUntouchedUnlessItIsAskedFor) {
    Candidate& only = start("only", {.command = {"sh", "-c", "echo said; exec sleep 1000"}});
    ASSERT_TRUE(logs(only, "said\n"));
    for (const pid_t child : children_of(only.guardian())) EXPECT_NE(name_of(child), "lease-output");
    EXPECT_EQ(status(only)["workload"]["last_output"], nullptr);
}

TEST_F(Output, AsJsonEachLineIsAnObject) {
    const std::string script = folder_.path("script");
    write_file(script, "echo 'say \"hi\"'; printf 'bad \\377' >&2; exit 3");
    Candidate& only = start_shell("only", "exec sh " + script, "format: json");
    EXPECT_EQ(only.process().wait(), 3);
    std::vector<nlohmann::json> said;
    std::istringstream lines(only.log());
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('{')) said.push_back(nlohmann::json::parse(line));
    }
    ASSERT_EQ(said.size(), 2U) << only.log();
    if (said[0]["stream"] == "stderr") std::swap(said[0], said[1]);
    EXPECT_EQ(said[0]["message"], "say \"hi\"");
    EXPECT_EQ(said[0]["stream"], "stdout");
    EXPECT_EQ(said[0]["election"], "test");
    EXPECT_EQ(said[1]["message"], "bad \xef\xbf\xbd");
    EXPECT_EQ(said[1]["stream"], "stderr");
}

TEST_F(Output, AllOfItIsThereWhenLeaseholdEnds) {
    Candidate& only = start_shell("only", "seq 1 300000; printf end", "format: text");
    EXPECT_EQ(only.process().wait(), 0);
    const std::string log = only.log();
    EXPECT_TRUE(missing_numbers(log, 300'000).empty());
    EXPECT_THAT(log, HasSubstr("\nend\n"));
}

TEST_F(Output, WhatOneWorkloadDidNotFinishIsNotTheBeginningOfTheNext) {
    Candidate& only = start_shell("only", "printf half; exit 1", "format: text",
                                  "restart: {policy: on-failure, initial_backoff: 10ms, max_backoff: 10ms, "
                                  "give_up_after: 2, then: exit}");
    EXPECT_EQ(only.process().wait(), 1);
    std::istringstream lines(only.log());
    int halves = 0;
    for (std::string line; std::getline(lines, line);) halves += line == "half" ? 1 : 0;
    EXPECT_EQ(halves, 3) << only.log();
}

TEST_F(Output, AWorkloadOfAnotherUserCanOpenItAnew) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become someone else";
    Candidate& only = start_shell("only", "echo anew > /dev/stdout", "format: text", "user: nobody");
    EXPECT_EQ(only.process().wait(), 0) << only.log();
    EXPECT_THAT(only.log(), HasSubstr("anew\n"));
}

TEST_F(Output, TheLastLinesAreShownWhenTheWorkloadHasEnded) {
    Candidate& only = start_shell("only", "echo one; echo two; echo three >&2; exit 5", "format: text, keep_last: 2",
                                  "restart: {policy: never, then: hold}");
    ASSERT_TRUE(eventually([&] { return status(only)["workload"]["last_output"].size() == 2; })) << only.log();
    EXPECT_EQ(status(only)["workload"]["last_output"].back(), "three");
    EXPECT_EQ(metric(only, "leasehold_workload_output_lines_total{stream=\"stdout\"}"), 2);
    EXPECT_EQ(metric(only, "leasehold_workload_output_bytes_total{stream=\"stdout\"}"), 8);
    EXPECT_EQ(metric(only, "leasehold_workload_output_lines_total{stream=\"stderr\"}"), 1);
    kill(only.role("leasehold-agent"), SIGKILL);
    ASSERT_TRUE(logs(only, "the agent ended by SIGKILL"));
    EXPECT_TRUE(eventually([&] {
        const std::string body = http_get(only.http_port(), "/status").body;
        return body.find("\"three\"") != std::string::npos;
    })) << "the next agent does not know";
}

// A helper that is killed takes with it what it has read and not written: 64 KiB and a line.
TEST_F(Output, AHelperThatIsKilledLosesNoMoreThanItHolds) {
    constexpr long kLines = 5'000'000;
    constexpr std::size_t kHeld = 64 * 1024;
    Candidate& only = start_shell("only", fmt::format("seq 1 {}; exec sleep 1000", kLines), "format: text");
    std::size_t kills = 0;
    const auto flowing = [&] {
        struct stat info {};
        return stat(folder_.path("only.log").c_str(), &info) == 0 ? info.st_size : 0;
    };
    for (off_t after = 1'000'000; after < 30'000'000; after += 5'000'000) {
        ASSERT_TRUE(eventually([&] { return flowing() > after; }, std::chrono::seconds(60))) << only.log().size();
        kill(only.role("lease-output"), SIGKILL);
        ++kills;
    }
    ASSERT_TRUE(logs(only, fmt::format("\n{}\n", kLines)));
    std::size_t lost = 0;
    for (const long number : missing_numbers(only.log(), kLines)) lost += std::to_string(number).size() + 1;
    EXPECT_LE(lost, kills * (kHeld + 2 * std::to_string(kLines).size()));
    EXPECT_TRUE(lives(only.role("leasehold-super")));
    EXPECT_THAT(only.log(), Not(HasSubstr("workload ended")));
}

TEST_F(Output, AReaderThatHangsHoldsTheWorkloadUpAndNothingElse) {
    Candidate& leader = start_shell_on_pipe("leader", kSpin, "format: text");
    const auto bytes = [&] { return metric(leader, "leasehold_workload_output_bytes_total{stream=\"stdout\"}"); };
    // A pipe has sixteen pages, and what does not fit into the rest of one begins the next: so many may be half empty.
    ASSERT_TRUE(eventually([&] { return bytes() > 20'000; })) << leader.log();
    const double renewals = metric(leader, "leasehold_lease_renewals_total");
    ASSERT_TRUE(eventually([&] { return metric(leader, "leasehold_lease_renewals_total") > renewals + 20; }));
    EXPECT_LT(bytes(), 1'000'000) << "somebody reads on";
    Candidate& standby = start_shell("standby", "echo follows; exec sleep 1000", "format: text");
    ASSERT_TRUE(logs(standby, "leader holds the lease")) << standby.log();
    leader.process().signal(SIGTERM);
    ASSERT_TRUE(logs(standby, "follows\n")) << standby.log();
    EXPECT_EQ(leader.process().wait(std::chrono::seconds(15)), 143) << leader.log();
    EXPECT_THAT(leader.log(), HasSubstr("it is lost"));
}

TEST_F(Output, WithDropAReaderThatHangsHoldsNobodyUp) {
    const std::string done = folder_.path("done");
    Candidate& leader = start_shell_on_pipe("leader", fmt::format("seq 1 1000000; touch {}; exec sleep 1000", done),
                                            "format: text, overflow: drop, buffer: 128K");
    ASSERT_TRUE(eventually([&] { return access(done.c_str(), F_OK) == 0; })) << leader.log();
    EXPECT_TRUE(eventually(
        [&] { return metric(leader, "leasehold_workload_output_dropped_lines_total{stream=\"stdout\"}") > 900'000; }));
    reader_.reset();
    ASSERT_TRUE(logs(leader, "nobody reads stdout any more")) << leader.log();
    EXPECT_TRUE(leader.process().running());
}

TEST_F(Output, AWorkloadThatClosesItsStreamsAndItsDaemonsChangeNothing) {
    Candidate& only = start_shell("only", "echo begun; setsid sleep 1000 & exec sleep 1001 >&- 2>&-", "format: text");
    ASSERT_TRUE(logs(only, "begun\n"));
    const pid_t helper = only.role("lease-output");
    let_pass(std::chrono::milliseconds(1500));
    EXPECT_TRUE(lives(helper)) << "it took that for the end";
    EXPECT_TRUE(only.process().running());
    only.process().signal(SIGTERM);
    EXPECT_EQ(only.process().wait(), 143) << only.log();
    EXPECT_THAT(only.log(), Not(HasSubstr("it is lost"))) << "somebody still had the pipe";
}

TEST_F(Output, AHelperThatIsStoppedDoesNotKeepLeaseholdFromEnding) {
    Candidate& leader = start_shell("leader", kSpin, "format: text", "stop: {grace_period: 1s}");
    ASSERT_TRUE(logs(leader, "line 100 ")) << leader.log();
    kill(leader.role("lease-output"), SIGSTOP);
    Candidate& standby = start_shell("standby", "echo follows; exec sleep 1000", "format: text");
    ASSERT_TRUE(logs(standby, "leader holds the lease"));
    leader.process().signal(SIGTERM);
    ASSERT_TRUE(logs(standby, "follows\n")) << standby.log();
    EXPECT_EQ(leader.process().wait(std::chrono::seconds(20)), 143) << leader.log();
}

TEST_F(Output, TheHelperOutlivesTheOthersAndEndsWithTheWorkload) {
    for (const char* role : {"leasehold-super", "lease-guardian"}) {
        SCOPED_TRACE(role);
        Candidate& leader = start_shell(std::string("of-") + role, "echo begun; exec sleep 1000", "format: text",
                                        "containment: subreaper");  // the proof is by children alone
        ASSERT_TRUE(logs(leader, "begun\n")) << leader.log();
        const pid_t helper = leader.role("lease-output");
        const bool is_guardian = role == std::string("lease-guardian");
        kill(is_guardian ? leader.guardian() : leader.role(role), SIGKILL);
        if (is_guardian) {
            EXPECT_TRUE(eventually([&] { return !lives(helper); })) << leader.log();
            continue;
        }
        ASSERT_TRUE(eventually([&] {
            const std::string log = leader.log();
            return log.find("begun\n") != log.rfind("begun\n");
        })) << leader.log();
        EXPECT_TRUE(lives(helper));
        leader.process().signal(SIGTERM);
        EXPECT_EQ(leader.process().wait(), 143) << leader.log();
    }
}

TEST_F(Output, AFullDiskIsSaidOnceAndHarmless) {
    Candidate& leader = start("leader", {.command = {"sh", "-c", kSpin},
                                         .workload = workload("format: text", "stop: {grace_period: 1s}"),
                                         .launcher = {"sh", "-c", "exec \"$0\" \"$@\" > /dev/full"}});
    const std::string complaint = "the workload's output cannot be written to stdout: No space left on device";
    ASSERT_TRUE(logs(leader, complaint)) << leader.log();
    const double renewals = metric(leader, "leasehold_lease_renewals_total");
    ASSERT_TRUE(eventually([&] { return metric(leader, "leasehold_lease_renewals_total") > renewals + 10; }));
    EXPECT_EQ(leader.log().find(complaint), leader.log().rfind(complaint));
    leader.process().signal(SIGTERM);
    EXPECT_EQ(leader.process().wait(std::chrono::seconds(15)), 143) << leader.log();
}

}  // namespace
}  // namespace leasehold::harness
