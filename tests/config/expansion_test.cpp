// SPDX-License-Identifier: Apache-2.0
#include "config/expansion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/support.h"

namespace leasehold::config {
namespace {

using testing::HasSubstr;

const Variables kVariables = {
    {"A", "alpha"}, {"_b9", "beta"}, {"EMPTY", ""}, {"REF", "${A}"}, {"YAML", "x: [y]\n- z # \"'"}};

TEST(Expansion, PutsValuesIn) {
    const std::pair<const char*, std::string> cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"${A}", "alpha"},
        {"<${A}|${_b9}>", "<alpha|beta>"},
        {"${A}${A}", "alphaalpha"},
        {"$$", "$"},
        {"$$$$", "$$"},
        {"$${A}", "${A}"},
        {"$$${A}", "$alpha"},
        {"${EMPTY}", ""},
        {"${EMPTY:-e}", "e"},
        {"${NOBODY:-n}", "n"},
        {"${NOBODY:-}", ""},
        {"${NOBODY:-a:-b {c}", "a:-b {c"},
        {"${NOBODY:-$$5}", "$5"},
        {"${A:-n}", "alpha"},
        {"${REF}", "${A}"},  // not expanded again
        {"}", "}"},
        {"{A}", "{A}"},
    };
    for (const auto& [text, expected] : cases) {
        const auto value = expand(text, with(kVariables).environment);
        ASSERT_TRUE(value) << text << ' ' << value.error().message;
        EXPECT_EQ(*value, expected) << text;
    }
}

TEST(Expansion, SaysWhatIsWrong) {
    const std::pair<const char*, const char*> cases[] = {
        {"${NOBODY}", "needs the environment variable NOBODY, which is not set; set it, or write ${NOBODY:-default}"},
        {"a$", "has a '$' that begins no ${NAME}; write $$ for a dollar"},
        {"$A", "has a '$' that begins no ${NAME}"},
        {"$(date)", "has a '$' that begins no ${NAME}"},
        {"$$$", "has a '$' that begins no ${NAME}"},
        {"${A", "has a '${' without its '}'"},
        {"${}", "has a '${' that begins neither ${NAME} nor ${NAME:-default}"},
        {"${9A}", "has a '${' that begins neither"},
        {"${A-x}", "has a '${' that begins neither"},
        {"${A:?x}", "has a '${' that begins neither"},
        {"${ A }", "has a '${' that begins neither"},
        {"${:-x}", "has a '${' that begins neither"},
        {"${NOBODY:-${A}}", "has a '$' in the default of a variable, which is not expanded"},
    };
    for (const auto& [text, reason] : cases) {
        const auto value = expand(text, with(kVariables).environment);
        ASSERT_FALSE(value) << text;
        EXPECT_THAT(value.error().message, HasSubstr(reason)) << text;
    }
}

TEST(Expansion, DoublingDollarsProtectsAnyText) {
    for (const char* text : {"", "$", "$$", "${A}", "a$b", "${", "$$${A:-b}"}) {
        EXPECT_EQ(expand(doubled_dollars(text), nullptr).value(), text);
    }
}

TEST(Expansion, WithoutAnEnvironmentNothingIsSet) {
    EXPECT_FALSE(expand("${A}", nullptr));
    EXPECT_EQ(expand("${A:-b}", nullptr).value(), "b");
}

TEST(Expansion, HappensAfterParsingSoThatValuesStayValues) {
    const Loaded loaded =
        load_text("{election: {name: e}, workload: {command: [c, '${YAML}'], env: {K: '${YAML}'}}}", with(kVariables));
    ASSERT_EQ(problems_of(loaded), "");
    EXPECT_THAT(loaded.options.workload.command, testing::ElementsAre("c", kVariables.at("YAML")));
    EXPECT_THAT(loaded.options.workload.env, testing::ElementsAre(testing::Pair("K", kVariables.at("YAML"))));
}

TEST(Expansion, ReachesEveryKindOfValue) {
    const Loaded loaded = load_text(
        "election: {name: '${N}', lease_duration: '${L}', renew_deadline: '${L:-}'}\nworkload: {command: [c]}\n",
        with({{"N", "n"}, {"L", "40s"}}));
    EXPECT_THAT(problems_of(loaded), HasSubstr("renew_deadline (40s) must be less"));
    EXPECT_EQ(loaded.options.election.name, "n");
    EXPECT_EQ(loaded.options.election.timing.lease_duration, std::chrono::seconds(40));
}

TEST(Expansion, MayLeaveArgumentsThatWereWrittenEmpty) {
    const Loaded loaded =
        load_text("{election: {name: e}, workload: {command: [c, ''], env: {K: '${EMPTY}'}}}", with(kVariables));
    ASSERT_EQ(problems_of(loaded), "");
    EXPECT_THAT(loaded.options.workload.command, testing::ElementsAre("c", ""));
    EXPECT_EQ(loaded.options.workload.env.at("K"), "");
}

TEST(Expansion, ReadsTheProcessEnvironment) {
    ASSERT_EQ(setenv("LEASEHOLD_CONFIG_TEST", "value", 1), 0);
    EXPECT_EQ(process_environment()("LEASEHOLD_CONFIG_TEST"), "value");
    ASSERT_EQ(unsetenv("LEASEHOLD_CONFIG_TEST"), 0);
    EXPECT_EQ(process_environment()("LEASEHOLD_CONFIG_TEST"), std::nullopt);
}

}  // namespace
}  // namespace leasehold::config
