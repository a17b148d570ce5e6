// SPDX-License-Identifier: Apache-2.0
#include "output/lines.h"

#include <vector>

#include <gtest/gtest.h>

namespace leasehold::output {
namespace {

constexpr std::size_t kLongest = LineSplitter::kLongestLine;

struct Splitting {
    std::vector<std::string> lines;
    std::vector<bool> go_on;
    LineSplitter splitter{[this](std::string_view line, bool goes_on) {
        lines.emplace_back(line);
        go_on.push_back(goes_on);
    }};
};

using Lines = std::vector<std::string>;

TEST(LineSplitter, CutsAtNewlinesWhereverTheReadsEnd) {
    const std::string text = "one\n\ntwo and\r\nthree\n";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        Splitting s;
        for (std::size_t at = 0; at < text.size(); at += step) s.splitter.feed(std::string_view(text).substr(at, step));
        EXPECT_EQ(s.lines, (Lines{"one", "", "two and\r", "three"})) << step;
        s.splitter.finish();
        EXPECT_EQ(s.lines.size(), 4U);
    }
}

TEST(LineSplitter, WhatHasNoNewlineIsALineInTheEnd) {
    Splitting s;
    s.splitter.feed("a");
    s.splitter.feed("b");
    EXPECT_TRUE(s.lines.empty());
    s.splitter.finish();
    EXPECT_EQ(s.lines, Lines{"ab"});
    s.splitter.feed("c\n");
    EXPECT_EQ(s.lines, (Lines{"ab", "c"}));
}

TEST(LineSplitter, ALongLineComesInPieces) {
    for (const std::size_t step : {kLongest * 3, std::size_t{1000}}) {
        Splitting s;
        const std::string text = std::string(2 * kLongest + 5, 'x') + "\ny\n";
        for (std::size_t at = 0; at < text.size(); at += step) s.splitter.feed(std::string_view(text).substr(at, step));
        EXPECT_EQ(s.lines, (Lines{std::string(kLongest, 'x'), std::string(kLongest, 'x'), "xxxxx", "y"}));
        EXPECT_EQ(s.go_on, (std::vector<bool>{true, true, false, false}));
    }
    Splitting just;
    just.splitter.feed(std::string(kLongest, 'x') + "\n");
    EXPECT_EQ(just.go_on, std::vector<bool>{false});
}

TEST(LineSplitter, NoCharacterIsCut) {
    Splitting s;
    s.splitter.feed(std::string(kLongest - 1, 'x') + "\xe2\x82\xac\n");
    EXPECT_EQ(s.lines, (Lines{std::string(kLongest - 1, 'x'), "\xe2\x82\xac"}));
    Splitting whole;
    whole.splitter.feed(std::string(kLongest - 2, 'x') + "\xc3\xa4z\n");
    EXPECT_EQ(whole.lines.back(), "z");
    Splitting junk;
    junk.splitter.feed(std::string(kLongest + 1, '\xbf') + "\n");
    EXPECT_EQ(junk.lines.front().size(), kLongest);
}

}  // namespace
}  // namespace leasehold::output
