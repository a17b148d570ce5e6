// SPDX-License-Identifier: Apache-2.0
#include "supervisor/output_page.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include "base/sealed_memory.h"

namespace leasehold::supervisor {
namespace {

using Lines = std::vector<std::string>;

std::unique_ptr<OutputPage> page_for(int lines) {
    auto page = OutputPage::create(lines);
    EXPECT_TRUE(page) << page.error().message;
    return page ? std::move(*page) : nullptr;
}

TEST(OutputPage, CountsAreSeenByTheOtherProcessAndGoOnWithTheNextWriter) {
    const auto page = page_for(0);
    const auto other = OutputPage::open(dup(page->fd()));
    ASSERT_TRUE(other) << other.error().message;
    page->count(OutputStream::output, {1, 10, 0});
    (*other)->count(OutputStream::output, {2, 5, 1});
    EXPECT_EQ((*other)->counts(OutputStream::output), (OutputCounts{3, 15, 1}));
    EXPECT_EQ(page->counts(OutputStream::errors), OutputCounts{});
    (*other)->set_within_line(OutputStream::errors, true);
    EXPECT_TRUE(page->within_line(OutputStream::errors));
    EXPECT_FALSE(page->within_line(OutputStream::output));
}

TEST(OutputPage, TheLastLinesAreThoseOfTheWorkloadThatHasEnded) {
    const auto page = page_for(3);
    EXPECT_EQ(page->last_lines(), Lines{});
    for (const char* line : {"1", "2", "3", "4"}) page->keep(line);
    EXPECT_EQ(page->last_lines(), Lines{}) << "it runs";
    page->workload_ended();
    EXPECT_EQ(page->last_lines(), (Lines{"2", "3", "4"}));
    for (const char* line : {"5", "6", "7", "8"}) page->keep(line);
    EXPECT_EQ(page->last_lines(), (Lines{"2", "3", "4"})) << "its successor runs";
    page->workload_ended();
    page->keep("9");
    page->workload_ended();
    EXPECT_EQ(page->last_lines(), Lines{"9"});
    page->workload_ended();
    EXPECT_EQ(page->last_lines(), Lines{}) << "one that said nothing";
}

TEST(OutputPage, LongLinesAreCutAndNoneMayBeWanted) {
    const auto page = page_for(1);
    page->keep(std::string(10'000, 'x'));
    page->workload_ended();
    EXPECT_EQ(page->last_lines(), Lines{std::string(OutputPage::kLongestKept, 'x')});
    const auto none = page_for(0);
    none->keep("x");
    none->workload_ended();
    EXPECT_EQ(none->last_lines(), Lines{});
}

TEST(OutputPage, AnotherFileIsRefused) {
    auto memory = make_shared_memory("test", 4096);
    ASSERT_TRUE(memory);
    EXPECT_FALSE(OutputPage::open(memory->release()));
    auto little = make_shared_memory("test", 8);
    ASSERT_TRUE(little);
    EXPECT_FALSE(OutputPage::open(little->release()));
    EXPECT_FALSE(OutputPage::open(-1));
}

}  // namespace
}  // namespace leasehold::supervisor
