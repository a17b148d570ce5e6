// SPDX-License-Identifier: Apache-2.0
//
// What is known of a command line from its description.
#include "app/help/command_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

namespace leasehold::app::help {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CommandTree : public testing::Test {
protected:
    CommandTree() {
        CLI::App* const begin = app_.add_subcommand("begin", "starts it");
        begin->add_option("-c,--config", text_, "what it reads")->required()->type_name(std::string(kFile));
        begin->add_flag("--fast", flag_, "hurries");
        begin->add_option("program", words_, "runs")->type_name(std::string(kProgram));
        add_choice(*app_.add_subcommand("paint", "colours it"), "colour", text_, {"red", "blue"}, "which");
    }

    CLI::App app_{"Does it.", "doer"};
    std::string text_;
    std::vector<std::string> words_;
    bool flag_ = false;
};

TEST_F(CommandTree, NamesCommandsWithWhatTheyTake) {
    const Command program = describe(app_);
    EXPECT_EQ(program.name, "doer");
    EXPECT_EQ(program.help, "Does it.");
    ASSERT_EQ(program.commands.size(), 2u);
    const Command& begin = program.commands[0];
    EXPECT_EQ(begin.name, "begin");
    EXPECT_EQ(begin.help, "starts it");
    ASSERT_EQ(begin.options.size(), 3u);
    EXPECT_THAT(begin.options[0].names, ElementsAre("-h", "--help"));
    ASSERT_EQ(begin.arguments.size(), 1u);
    EXPECT_TRUE(begin.takes_program());
    EXPECT_FALSE(program.commands[1].takes_program());
}

TEST_F(CommandTree, TellsFlagsFromWhatTakesAValue) {
    const Command begin = describe(app_).commands[0];
    const Parameter& config = begin.options[1];
    EXPECT_THAT(config.names, ElementsAre("-c", "--config"));
    EXPECT_TRUE(config.takes_file());
    EXPECT_TRUE(config.required);
    const Parameter& fast = begin.options[2];
    EXPECT_THAT(fast.value, IsEmpty());
    EXPECT_FALSE(fast.required);
    EXPECT_FALSE(fast.takes_file());
}

TEST_F(CommandTree, KnowsTheWordsOfAChoiceAndAcceptsNoOthers) {
    const Parameter colour = describe(app_).commands[1].arguments.at(0);
    EXPECT_EQ(colour.value, "red|blue");
    EXPECT_THAT(colour.choices, ElementsAre("red", "blue"));
    EXPECT_TRUE(colour.required);
    EXPECT_NO_THROW(app_.parse("paint blue"));
    EXPECT_EQ(text_, "blue");
    EXPECT_THROW(app_.parse("paint green"), CLI::ParseError);
    EXPECT_THROW(app_.parse("paint"), CLI::ParseError);
}

}  // namespace
}  // namespace leasehold::app::help
