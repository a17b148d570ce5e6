// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/watch_line.h"

#include <gtest/gtest.h>

namespace leasehold::stores::kubernetes {
namespace {

using Kind = WatchLine::Kind;

std::optional<WatchLine> line_of(const std::string& type, const std::string& object) {
    return parse_watch_line(R"({"type":")" + type + R"(","object":)" + object + "}");
}

TEST(WatchLine, SaysWhatHasHappened) {
    const std::string object = R"({"metadata":{"resourceVersion":"7"}})";
    const std::pair<const char*, Kind> types[] = {
        {"ADDED", Kind::changed},     {"MODIFIED", Kind::changed},         {"DELETED", Kind::deleted},
        {"BOOKMARK", Kind::bookmark}, {"OF A LATER TIME", Kind::bookmark}, {"ERROR", Kind::error}};
    for (const auto& [type, kind] : types) {
        const auto line = line_of(type, object);
        ASSERT_TRUE(line) << type;
        EXPECT_EQ(line->kind, kind) << type;
        EXPECT_EQ(line->version, "7");
        EXPECT_TRUE(line->object.contains("metadata"));
    }
    EXPECT_EQ(line_of("ERROR", R"({"code":410})")->kind, Kind::expired);
    EXPECT_EQ(line_of("ERROR", R"({"code":500})")->kind, Kind::error);
    EXPECT_EQ(line_of("ERROR", R"({"code":"410"})")->kind, Kind::error);
}

TEST(WatchLine, WhatIsNoneIsNone) {
    for (const char* text : {"", "x", "[]", "{}", R"({"type":"ADDED"})", R"({"type":1,"object":{}})",
                             R"({"type":"ADDED","object":[]})", R"({"type":"ADDED","object":null})"}) {
        EXPECT_FALSE(parse_watch_line(text)) << text;
    }
    const std::string deep = std::string(300'000, '[') + std::string(300'000, ']');
    EXPECT_FALSE(line_of("ADDED", R"({"metadata":)" + deep + "}"));
}

// The position goes back into a URL.
TEST(WatchLine, AVersionIsNoFurtherParameter) {
    for (const char* version : {"5&limit=1", "5 HTTP/1.1", "5#", "5%00", "5\\r\\nX: y"}) {
        const auto line = line_of("ADDED", R"({"metadata":{"resourceVersion":")" + std::string(version) + R"("}})");
        ASSERT_TRUE(line) << version;
        EXPECT_EQ(line->version, "") << version;
    }
    EXPECT_EQ(line_of("ADDED", R"({"metadata":{"resourceVersion":5}})")->version, "");
    EXPECT_EQ(line_of("ADDED", R"({"metadata":[]})")->version, "");
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
