// SPDX-License-Identifier: Apache-2.0
#include "election/stores/json_fields.h"

#include <gtest/gtest.h>

namespace leasehold::stores {
namespace {

using Json = nlohmann::json;

TEST(JsonMember, is_null_where_there_is_none) {
    const Json object = {{"a", 1}, {"nothing", nullptr}};
    EXPECT_EQ(member(object, "a"), 1);
    EXPECT_TRUE(member(object, "nothing").is_null());
    EXPECT_TRUE(member(object, "b").is_null());
    for (const Json& other : {Json(), Json(7), Json("text"), Json::array({object})}) {
        EXPECT_TRUE(member(other, "a").is_null()) << other;
    }
    EXPECT_TRUE(member(member(object, "b"), "c").is_null()) << "of what is not there";
}

TEST(JsonMember, is_text_or_absent) {
    const Json object = {{"text", "t"}, {"empty", ""}, {"nothing", nullptr}, {"number", 1}, {"list", Json::array()}};
    std::string text = "of before";
    EXPECT_TRUE(text_in(object, "text", text));
    EXPECT_EQ(text, "t");
    for (const char* key : {"empty", "nothing", "missing"}) {
        text = "of before";
        EXPECT_TRUE(text_in(object, key, text)) << key;
        EXPECT_EQ(text, "") << key;
    }
    for (const char* key : {"number", "list"}) {
        text = "of before";
        EXPECT_FALSE(text_in(object, key, text)) << key;
        EXPECT_EQ(text, "") << key;
    }
}

TEST(ServerJson, IsNotDeeperThanAnythingThatIsSaid) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_TRUE(parse_server_json(nested(256)).is_array());
    EXPECT_TRUE(parse_server_json(nested(257)).is_discarded());
    EXPECT_TRUE(parse_server_json(nested(2'000'000)).is_discarded());
    EXPECT_TRUE(parse_server_json(std::string(2'000'000, '{')).is_discarded());
    // Brackets in texts are none.
    const std::string text = "{\"a\\\"" + std::string(1000, '[') + "\":[1]}";
    EXPECT_TRUE(parse_server_json(text).is_object()) << text;
    EXPECT_TRUE(parse_server_json("{\"a\":[1,{}],\"b\":\"\\\\\"}").is_object());
    for (const char* damaged : {"", "{", "\"", "\\", "]]]]", "\"\\"}) {
        EXPECT_TRUE(parse_server_json(damaged).is_discarded()) << damaged;
    }
}

}  // namespace
}  // namespace leasehold::stores
