// SPDX-License-Identifier: Apache-2.0
#include "config/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/nearest.h"

namespace leasehold::config {
namespace {

TEST(Text, PlacesCountCharacters) {
    Places places("a\xc3\xa9\xe2\x82\xacz\n\n\xf0\x9f\x98\x80y");
    EXPECT_EQ(places.at(0), (Place{1, 1}));
    EXPECT_EQ(places.at(1), (Place{1, 2}));
    EXPECT_EQ(places.at(3), (Place{1, 3}));
    EXPECT_EQ(places.at(6), (Place{1, 4}));
    EXPECT_EQ(places.at(7), (Place{1, 5}));
    EXPECT_EQ(places.at(8), (Place{2, 1}));
    EXPECT_EQ(places.at(9), (Place{3, 1}));
    EXPECT_EQ(places.at(13), (Place{3, 2}));
    EXPECT_EQ(places.at(14), (Place{3, 3}));
    EXPECT_EQ(places.at(1000), (Place{3, 3}));
}

TEST(Text, IsShownOnOneShortLine) {
    EXPECT_EQ(shown(""), "''");
    EXPECT_EQ(shown("a\xc3\xa9"), "'a\xc3\xa9'");
    EXPECT_EQ(shown("a\nb\x1b\t\x7f"), "'a\\nb\\x1b\\x09\\x7f'");
    EXPECT_EQ(shown("\xc2\x9b"), "'\\xc2\\x9b'");
    EXPECT_EQ(shown(std::string(60, 'x')), '\'' + std::string(60, 'x') + '\'');
    EXPECT_EQ(shown(std::string(61, 'x')), '\'' + std::string(60, 'x') + "...'");
    EXPECT_EQ(shown(std::string(59, 'x') + "\xe2\x82\xacy"), '\'' + std::string(59, 'x') + "\xe2\x82\xac...'");
    EXPECT_EQ(printable("\xff ok"), "\\xff ok");
}

TEST(Nearest, IsAFewSlipsAway) {
    const std::vector<std::string> keys = {"name", "lease_duration", "renew_deadline", "retry_period", "store"};
    EXPECT_EQ(nearest("nmae", keys), "name");
    EXPECT_EQ(nearest("names", keys), "name");
    EXPECT_EQ(nearest("LeaseDuration", keys), "lease_duration");
    EXPECT_EQ(nearest("retry-period", keys), "retry_period");
    EXPECT_EQ(nearest("sotre", keys), "store");
    EXPECT_EQ(nearest("", keys), "");
    EXPECT_EQ(nearest("x", keys), "");
    EXPECT_EQ(nearest("kubernetes", keys), "");
    EXPECT_EQ(nearest(std::string(1000, 'n'), keys), "");
    EXPECT_EQ(nearest("name", {}), "");
}

}  // namespace
}  // namespace leasehold::config
