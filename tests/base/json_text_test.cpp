// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"

#include <gtest/gtest.h>

namespace leasehold {
namespace {

std::string json(std::string_view text) {
    std::string out;
    append_json_text(out, text);
    return out;
}

TEST(JsonText, EscapesWhatItMust) {
    EXPECT_EQ(json(""), "");
    EXPECT_EQ(json("plain \x7f text"), "plain \x7f text");
    EXPECT_EQ(json("\"\\\n\r\t"), R"(\"\\\n\r\t)");
    EXPECT_EQ(json(std::string_view("\0\x1f\x1b", 3)), R"(\u0000\u001f\u001b)");
}

TEST(JsonText, KeepsWhatIsUtf8) {
    for (const char* text : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                             "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa4z"}) {
        EXPECT_EQ(json(text), text);
    }
}

TEST(JsonText, ReplacesWhatIsNot) {
    const std::string bad = "\xef\xbf\xbd";
    EXPECT_EQ(json("a\xffz"), "a" + bad + "z");
    EXPECT_EQ(json("\xc3"), bad) << "cut off";
    EXPECT_EQ(json("\xe2\x82"), bad + bad) << "cut off";
    EXPECT_EQ(json("\xc0\x80"), bad + bad) << "longer than needed";
    EXPECT_EQ(json("\xe0\x9f\xbf"), bad + bad + bad) << "longer than needed";
    EXPECT_EQ(json("\xed\xa0\x80"), bad + bad + bad) << "half of a surrogate pair";
    EXPECT_EQ(json("\xf4\x90\x80\x80"), bad + bad + bad + bad) << "beyond Unicode";
    EXPECT_EQ(json("\xc3\""), bad + "\\\"") << "a quote that looked like a part of it";
}

}  // namespace
}  // namespace leasehold
