// SPDX-License-Identifier: Apache-2.0
//
// What the pages say, and that no text can be taken for a request.
#include "app/help/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/help/roff.h"
#include "config/key_makers.h"

namespace leasehold::app::help {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ManualPage, TakesTextForNothingButText) {
    ManualPage page("it", 1, "it 1");
    page.paragraph(".PP and 'so' on\n'tis a \\ and --an-option, ~ and ^");
    EXPECT_THAT(page.text(), HasSubstr("\n\\&.PP and \\(aqso\\(aq on\n"));
    EXPECT_THAT(page.text(), HasSubstr("\n\\&\\(aqtis a \\e and \\-\\-an\\-option, \\(ti and \\(ha\n"));
}

TEST(ManualPage, PrintsCodeBoldButNotInExamples) {
    ManualPage page("it", 1, "it 1");
    page.paragraph("the `code` here");
    page.example("the `code` here\n\nand there");
    EXPECT_THAT(page.text(), HasSubstr("the \\fBcode\\fR here\n"));
    EXPECT_THAT(page.text(), HasSubstr(".EX\nthe \\(gacode\\(ga here\n\nand there\n.EE"));
}

TEST(FileManual, TellsOfAKeyWhatItIsAndItsDefault) {
    const std::string page = file_manual(config::description(), "it 1");
    EXPECT_THAT(page, HasSubstr(".TP\n\\fBelection.lease_duration\\fR duration\n"));
    EXPECT_THAT(page, HasSubstr("Default: \\fB15s\\fR."));
    EXPECT_THAT(page, HasSubstr("\\fBlogging.format\\fR text|json\n"));
    EXPECT_THAT(page, HasSubstr("Default: \\fB[\"0.0.0.0:9090\"]\\fR."));
    EXPECT_THAT(page, HasSubstr("\\fBworkload.env\\fR {name: text, ...}\n"));
    EXPECT_THAT(page, HasSubstr("without a default. Required. Example: \\fBmy\\-service\\fR."));
}

TEST(CommandManual, SaysWhatMustBeGiven) {
    Command program;
    program.name = "doer";
    program.help = "Does it.";
    Command begin;
    begin.name = "begin";
    begin.help = "starts it";
    begin.options = {{{"-c", "--config"}, "FILE", {}, "what it reads", true}, {{"--fast"}, "", {}, "hurries", false}};
    begin.arguments = {{{}, std::string(kProgram), {}, "runs", false}};
    program.commands = {begin};
    const std::string page = command_manual(program, "it 1");
    EXPECT_THAT(page, HasSubstr("doer \\- does it\n"));
    EXPECT_THAT(page,
                HasSubstr("\\fBdoer begin\\fR \\fB\\-\\-config\\fR FILE [\\fB\\-\\-fast\\fR] [\\fB\\-\\-\\fR COMMAND"));
    EXPECT_THAT(page, HasSubstr(".TP\n\\fB\\-c\\fR, \\fB\\-\\-config\\fR FILE\nWhat it reads.\n"));
}

}  // namespace
}  // namespace leasehold::app::help
