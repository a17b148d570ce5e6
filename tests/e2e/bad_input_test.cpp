// SPDX-License-Identifier: Apache-2.0
//
// Bad input: one clear message, the documented exit status, nothing started, nothing left behind.
#include <csignal>
#include <filesystem>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

class BadInput : public testing::Test {
protected:
    struct Result {
        int status = -1;
        std::string output;
    };

    Result run(std::vector<std::string> arguments) {
        const std::string output = folder_.path("output" + std::to_string(++calls_));
        arguments.insert(arguments.begin(), leasehold_program());
        Process process({.arguments = std::move(arguments), .output = output, .environment = {}});
        return {process.wait().value_or(-1), read_file(output)};
    }

    Result run_with(const std::string& yaml) {
        write_file(folder_.path("config.yaml"), yaml);
        return run({"run", "--config", folder_.path("config.yaml")});
    }

    std::string config(const std::string& command = "[sleep, \"1000\"]", const std::string& listen = "[]") {
        return fmt::format(
            "election:\n  name: test\n  lease_duration: 1s\n  renew_deadline: 500ms\n  retry_period: 100ms\n"
            "  store: {{file: {{path: {}}}}}\nworkload:\n  command: {}\nhttp: {{listen: {}}}\n",
            folder_.path("test.lease"), command, listen);
    }

    TempFolder folder_;
    int calls_ = 0;
};

TEST_F(BadInput, Usage) {
    EXPECT_EQ(run({}).status, 2);
    EXPECT_EQ(run({"dance"}).status, 2);
    EXPECT_EQ(run({"run"}).status, 2);
    EXPECT_EQ(run({"--help"}).status, 0);
    const Result help = run({"run", "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.output.find("Exit status:"), std::string::npos) << help.output;
    const Result version = run({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_EQ(version.output.rfind("leasehold ", 0), 0U) << version.output;
}

TEST_F(BadInput, UsageOfLeaderElectorsFlags) {
    const Result unknown = run({"--election=test", "--colour=blue"});
    EXPECT_EQ(unknown.status, 2);
    EXPECT_NE(unknown.output.find("unknown flag: --colour=blue"), std::string::npos) << unknown.output;
    EXPECT_NE(unknown.output.find("Usage: leasehold --election=NAME"), std::string::npos) << unknown.output;
    EXPECT_EQ(run({"--http=:4040"}).status, 2);
    const Result help = run({"--election=test", "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.output.find("--use-cluster-credentials"), std::string::npos) << help.output;
    EXPECT_NE(run({"--help"}).output.find("leader-elector"), std::string::npos);
}

// An agent that is started later could not read it back.
TEST_F(BadInput, CommandsThatCannotBeKept) {
    const std::string file = folder_.path("config.yaml");
    write_file(file, config());
    for (const std::string& word : {std::string("\xff"), std::string("\xc3\x28")}) {
        const Result refused = run({"run", "--config", file, "--", "sh", "-c", "exit 0", word});
        EXPECT_EQ(refused.status, 2) << refused.output;
        EXPECT_NE(refused.output.find("put them into a script"), std::string::npos) << refused.output;
    }
    EXPECT_EQ(run({"run", "--config", file, "--", "sh", "-c", "exit 0", "\xc3\xa4"}).status, 0);
}

// They are the workload's, whatever they would mean before '--'.
TEST_F(BadInput, WordsOfTheCommandAreNotLeaseholds) {
    const std::string file = folder_.path("config.yaml");
    write_file(file, config());
    for (const char* word : {"-h", "--help", "--version", "status"}) {
        EXPECT_EQ(run({"run", "--config", file, "--", "sh", "-c", "exit 7", word}).status, 7) << word;
    }
}

TEST_F(BadInput, MissingAndUnreadableFiles) {
    const Result missing = run({"run", "--config", folder_.path("none.yaml")});
    EXPECT_EQ(missing.status, 2);
    EXPECT_NE(missing.output.find("none.yaml"), std::string::npos) << missing.output;
    EXPECT_EQ(run({"run", "--config", folder_.path()}).status, 2);
}

TEST_F(BadInput, EveryMistakeInTheFileAtOnce) {
    const Result result = run_with(
        "election:\n  name: test\n  name: again\n  lease_duration: soon\n  colour: blue\nworkload: {command: sleep}\n");
    EXPECT_EQ(result.status, 2);
    for (const char* part :
         {":3:3: election.name", ":4:19: election.lease_duration", ":5:3: election.colour", "workload.command"}) {
        EXPECT_NE(result.output.find(part), std::string::npos) << part << " is missing in:\n" << result.output;
    }
}

TEST_F(BadInput, ImpossibleTimingNamesValuesThatWork) {
    const Result result = run_with(
        "election: {name: test, lease_duration: 10s, renew_deadline: 10s}\nworkload: {command: [sleep, \"1000\"]}\n");
    EXPECT_EQ(result.status, 2);
    EXPECT_NE(result.output.find("lease_duration - margin"), std::string::npos) << result.output;
    EXPECT_NE(result.output.find("would work"), std::string::npos) << result.output;
}

TEST_F(BadInput, CommandsThatCannotBeExecuted) {
    EXPECT_EQ(run_with(config("[/nowhere/program]")).status, 127);
    EXPECT_EQ(run_with(config("[no-such-program-anywhere]")).status, 127);
    write_file(folder_.path("text"), "no program");
    EXPECT_EQ(run_with(config("[" + folder_.path("text") + "]")).status, 126);
    EXPECT_FALSE(std::filesystem::exists(folder_.path("test.lease")));
}

TEST_F(BadInput, CheckLooksForEachCommandThatARunWouldExecute) {
    write_file(folder_.path("config.yaml"),
               config("[sleep, \"1000\"]\n  stop: {grace_period: 2s, command: [/nowhere/stop]}\n"
                      "  standby_command: [/nowhere/follow]\n  hooks: {before_stop: [/nowhere/before], after_stop: "
                      "[sleep, \"0\"], timeout: 10s}\n  health: {exec: [/nowhere/health]}"));
    const Result result = run({"check", "--config", folder_.path("config.yaml"), "--probe"});
    EXPECT_EQ(result.status, 127) << result.output;
    for (const char* key : {"stop.command", "standby_command", "hooks.before_stop", "health.exec"}) {
        EXPECT_NE(
            result.output.find(fmt::format("leasehold: workload.{}: cannot execute the command \"/nowhere/", key)),
            std::string::npos)
            << key << '\n'
            << result.output;
    }
    for (const char* part :
         {"sleep can be executed (workload.command)", "sleep can be executed (workload.hooks.after_stop)",
          "before_stop may take 10s (workload.hooks.timeout), all of the grace period of 2s"}) {
        EXPECT_NE(result.output.find(part), std::string::npos) << part << '\n' << result.output;
    }
}

TEST_F(BadInput, LeaseFilesThatAreNone) {
    for (const char* content : {"", "{\"holderIdentity\": \"x", "{\"name\": \"someone else's\"}", "[]", "hello\n"}) {
        write_file(folder_.path("test.lease"), content);
        const Result result = run_with(config());
        EXPECT_EQ(result.status, 125) << content;
        EXPECT_NE(result.output.find("test.lease"), std::string::npos) << result.output;
        EXPECT_EQ(read_file(folder_.path("test.lease")), content) << "the file was touched";
    }
}

TEST_F(BadInput, LeaseFileIsAFolderOrHasNone) {
    std::filesystem::create_directory(folder_.path("test.lease"));
    EXPECT_EQ(run_with(config()).status, 125);
    std::filesystem::remove(folder_.path("test.lease"));
    std::string elsewhere = config();
    elsewhere.replace(elsewhere.find("test.lease"), 10, "none/test.lease");
    const Result result = run_with(elsewhere);
    EXPECT_EQ(result.status, 125);
    EXPECT_NE(result.output.find("none"), std::string::npos) << result.output;
}

TEST_F(BadInput, PortInUse) {
    Candidate first({.folder = folder_.path(),
                     .name = "first",
                     .command = {"sleep", "1000"},
                     .timing = {},
                     .listen = "127.0.0.1:0",
                     .extra = {}});
    const int port = first.http_port();
    ASSERT_NE(port, 0) << first.log();
    const Result result = run_with(config("[sleep, \"1000\"]", fmt::format("[\"127.0.0.1:{}\"]", port)));
    EXPECT_EQ(result.status, 125);
    EXPECT_NE(result.output.find("in use"), std::string::npos) << result.output;
    first.process().signal(SIGTERM);
    EXPECT_TRUE(first.process().wait()) << first.log();
}

TEST_F(BadInput, GivesUpWaiting) {
    ASSERT_EQ(run_with(config("[\"true\"]")).status, 0);
    Candidate holder({.folder = folder_.path(),
                      .name = "holder",
                      .command = {"sleep", "1000"},
                      .timing = {},
                      .listen = "127.0.0.1:0",
                      .extra = {}});
    ASSERT_TRUE(eventually([&] { return holder.log().find("started the workload") != std::string::npos; }))
        << holder.log();
    write_file(folder_.path("config.yaml"), config());
    const Result result = run({"run", "--config", folder_.path("config.yaml"), "--wait-timeout", "300ms"});
    EXPECT_EQ(result.status, 124) << result.output;
    EXPECT_NE(result.output.find("--wait-timeout 300ms is not longer than election.lease_duration ("),
              std::string::npos)
        << result.output;
    holder.process().signal(SIGTERM);
    EXPECT_TRUE(holder.process().wait()) << holder.log();
}

}  // namespace
}  // namespace leasehold::harness
