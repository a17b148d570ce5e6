// SPDX-License-Identifier: Apache-2.0
#include "app/control_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leasehold::app {
namespace {

using testing::HasSubstr;

std::string problem_of(const std::string& line) {
    const auto parsed = parse_request(line);
    return parsed ? "" : parsed.error().message;
}

TEST(ControlProtocol, EveryCommandIsReadAgain) {
    for (const ControlCommand command : {ControlCommand::status, ControlCommand::resign, ControlCommand::pause,
                                         ControlCommand::resume, ControlCommand::restart}) {
        const std::string line = to_line(ControlRequest{command});
        ASSERT_TRUE(line.ends_with('\n'));
        const auto parsed = parse_request(line.substr(0, line.size() - 1));
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->command, command);
        EXPECT_EQ(parsed->successor, "");
    }
    const auto named = parse_request(to_line(ControlRequest{ControlCommand::resign, "db-2_ä\"x"}));
    ASSERT_TRUE(named) << named.error().message;
    EXPECT_EQ(named->successor, "db-2_ä\"x");
}

TEST(ControlProtocol, WhatIsNoRequestIsRefusedWithAReason) {
    EXPECT_THAT(problem_of(""), HasSubstr("it is not JSON"));
    EXPECT_THAT(problem_of("status"), HasSubstr("it is not JSON"));
    EXPECT_THAT(problem_of("\xff\xfe"), HasSubstr("it is not JSON"));
    EXPECT_THAT(problem_of(std::string(4000, '[')), HasSubstr("nested too deeply"));
    EXPECT_THAT(problem_of("[]"), HasSubstr("not an object"));
    EXPECT_THAT(problem_of("{}"), HasSubstr("version is missing"));
    EXPECT_THAT(problem_of(R"({"version":1})"), HasSubstr("command is missing"));
    EXPECT_THAT(problem_of(R"({"version":"1","command":"status"})"), HasSubstr("version is not a whole number"));
    EXPECT_THAT(problem_of(R"({"version":1,"command":7})"), HasSubstr("command is not a string"));
    EXPECT_THAT(problem_of(R"({"version":1,"command":"status","command":"resign"})"), HasSubstr("twice"));
    EXPECT_THAT(problem_of(R"({"version":2,"command":"status"})"), HasSubstr("of version 2"));
    EXPECT_THAT(problem_of(R"({"version":1,"command":"reboot"})"), HasSubstr("knows no command \"reboot\""));
}

// To ignore it might do something else than was asked for.
TEST(ControlProtocol, WhatIsNotKnownIsNotIgnored) {
    EXPECT_THAT(problem_of(R"({"version":1,"command":"resign","after":"1m"})"), HasSubstr("no \"after\""));
    EXPECT_THAT(problem_of(R"({"version":1,"command":"pause","successor":"a"})"), HasSubstr("no \"successor\""));
    EXPECT_THAT(problem_of(R"({"version":1,"command":"resign","successor":""})"), HasSubstr("is empty"));
    EXPECT_THAT(problem_of(R"({"version":1,"command":"resign","successor":")" + std::string(300, 'x') + "\"}"),
                HasSubstr("is longer than"));
}

TEST(ControlProtocol, AnAnswerIsOneLineWhateverIsInIt) {
    const ControlAnswer answer{ControlAnswer::Kind::refused, "a\nb \xff", Json{{"role", "standby"}}};
    const std::string line = to_line(answer);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto parsed = parse_answer(line);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->kind, ControlAnswer::Kind::refused);
    EXPECT_EQ(parsed->message, "a\nb \xef\xbf\xbd");
    EXPECT_EQ(parsed->status["role"], "standby");
}

TEST(ControlProtocol, WhatIsNoAnswerIsRefused) {
    for (const char* line :
         {"", "HTTP/1.1 400 Bad Request", "{}", "[]", R"({"result":1})", R"({"result":"perhaps"})"}) {
        const auto parsed = parse_answer(line);
        ASSERT_FALSE(parsed) << line;
        EXPECT_THAT(parsed.error().message, HasSubstr("another version"));
    }
}

}  // namespace
}  // namespace leasehold::app
