// SPDX-License-Identifier: Apache-2.0
#include "election/stores/consul/messages.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace leasehold::stores::consul {
namespace {

using nlohmann::json;

const std::string kEntry =
    R"([{"LockIndex":0,"Key":"leasehold/x","Flags":0,"Value":"aGVsbG8=","CreateIndex":3,"ModifyIndex":12}])";
const std::string kApplied =
    R"({"Results":[{"KV":{"LockIndex":0,"Key":"leasehold/x","Flags":0,"Value":null,"CreateIndex":3,)"
    R"("ModifyIndex":12}}],"Errors":null})";
const std::string kStale =
    R"({"Results":null,"Errors":[{"OpIndex":0,"What":"failed to set key \"leasehold/x\", index is stale"}]})";

TEST(ConsulMessages, TargetsAreEscaped) {
    EXPECT_EQ(kv_target("leasehold/billing-1.a_b~c"), "/v1/kv/leasehold/billing-1.a_b~c?consistent");
    EXPECT_EQ(kv_target("a b?c#d%e&f+g\xc3\xa9"), "/v1/kv/a%20b%3Fc%23d%25e%26f%2Bg%C3%A9?consistent");
    EXPECT_EQ(waiting_kv_target("x", 18446744073709551615U, 300),
              "/v1/kv/x?consistent&index=18446744073709551615&wait=300s");
}

TEST(ConsulMessages, AWriteIsATransactionOfOneComparison) {
    const json request = json::parse(cas_request("leasehold/x", "hello", 12));
    EXPECT_EQ(request, json::parse(R"([{"KV":{"Verb":"cas","Key":"leasehold/x","Value":"aGVsbG8=","Index":12}}])"));
}

TEST(ConsulMessages, APositionNeedsAllItsHeaders) {
    const Headers good{{"x-consul-index", "7"}, {"x-consul-knownleader", "true"}, {"x-consul-lastcontact", "0"}};
    ASSERT_TRUE(position_of(good));
    EXPECT_EQ(position_of(good)->index, 7U);
    EXPECT_TRUE(position_of(good)->consistent);
    const auto with = [&good](const char* name, const char* value) {
        Headers headers = good;
        headers[name] = value;
        return position_of(headers);
    };
    EXPECT_FALSE(with("x-consul-knownleader", "false")->consistent);
    EXPECT_FALSE(with("x-consul-lastcontact", "4")->consistent);
    EXPECT_FALSE(position_of({{"x-consul-index", "7"}})->consistent);
    EXPECT_FALSE(position_of({}));
    for (const char* odd : {"", "-1", "7x", "x", "18446744073709551616"}) EXPECT_FALSE(with("x-consul-index", odd));
}

TEST(ConsulMessages, AnEntryIsAboutTheKeyThatWasAskedFor) {
    std::string problem;
    const auto entry = parse_entry(kEntry, "leasehold/x", problem);
    ASSERT_TRUE(entry) << problem;
    EXPECT_EQ(entry->value, "hello");
    EXPECT_EQ(entry->modify_index, 12U);
    EXPECT_EQ(entry->session, "");
    EXPECT_FALSE(parse_entry(kEntry, "leasehold/y", problem));

    const auto locked =
        parse_entry(R"([{"Key":"x","Value":null,"Session":"e5e6caf6","ModifyIndex":1}])", "x", problem = "");
    ASSERT_TRUE(locked) << problem;
    EXPECT_EQ(locked->value, "");
    EXPECT_EQ(locked->session, "e5e6caf6");

    for (const char* odd :
         {"", "[]", "{}", "null", "true", "[{}]", "[1]", R"([{"Key":"x","Value":"aA=="}])",
          R"([{"Key":"x","Value":"aA==","ModifyIndex":0}])", R"([{"Key":"x","Value":"aA==","ModifyIndex":-1}])",
          R"([{"Key":"x","Value":"aA==","ModifyIndex":1.5}])", R"([{"Key":"x","Value":"aA==","ModifyIndex":"1"}])",
          R"([{"Key":"x","Value":7,"ModifyIndex":1}])", R"([{"Key":"x","Value":"%","ModifyIndex":1}])",
          R"([{"Key":"x","Value":"","Session":1,"ModifyIndex":1}])",
          R"([{"Key":"x","ModifyIndex":1},{"Key":"x","ModifyIndex":1}])", "<html>"}) {
        problem.clear();
        EXPECT_FALSE(parse_entry(odd, "x", problem)) << odd;
        EXPECT_NE(problem, "") << odd;
    }
}

TEST(ConsulMessages, ATransactionWasAppliedOnlyIfItSaysSo) {
    std::string problem;
    EXPECT_EQ(parse_applied(kApplied, "leasehold/x", problem), 12U) << problem;
    EXPECT_FALSE(parse_applied(kApplied, "leasehold/y", problem));
    for (const char* odd : {"", "{}", "[]", "true", R"({"Results":[],"Errors":null})", R"({"Results":null})",
                            R"({"Results":[{"KV":{"Key":"x","ModifyIndex":1}}],"Errors":[{"What":"no"}]})",
                            R"({"Results":[{"KV":{"Key":"x","ModifyIndex":1}},{"KV":{}}],"Errors":null})",
                            R"({"Results":[{"Node":{"Key":"x","ModifyIndex":1}}],"Errors":null})"}) {
        problem.clear();
        EXPECT_FALSE(parse_applied(odd, "x", problem)) << odd;
        EXPECT_NE(problem, "") << odd;
    }
}

TEST(ConsulMessages, OnlyAFailedComparisonIsAConflict) {
    EXPECT_TRUE(comparison_failed(parse_txn_errors(kStale)));
    const auto errors = [](const std::string& list) {
        return parse_txn_errors(R"({"Results":null,"Errors":[)" + list + "]}");
    };
    const std::string stale = R"({"OpIndex":0,"What":"failed to set key \"x\", index is stale"})";
    const std::string denied = R"({"OpIndex":0,"What":"Permission denied"})";
    EXPECT_TRUE(comparison_failed(errors(stale)));
    EXPECT_FALSE(comparison_failed(errors(denied)));
    EXPECT_EQ(errors(denied), std::vector<std::string>{"Permission denied"});
    EXPECT_FALSE(comparison_failed(errors(stale + ',' + denied)));
    EXPECT_FALSE(comparison_failed(errors("")));
    for (const char* odd : {"", "{}", "index is stale", R"({"Errors":"index is stale"})", R"({"Errors":[{"What":7}]})",
                            R"({"Errors":[7]})", R"({"Results":[{"KV":{}}],"Errors":[{"What":"index is stale"}]})"}) {
        EXPECT_TRUE(parse_txn_errors(odd).empty()) << odd;
    }
}

// Cut off anywhere, or with any byte changed: a reason, or something whole, but never an exception.
TEST(ConsulMessages, SurviveDamage) {
    std::string problem;
    for (const std::string& whole : {kEntry, kApplied, kStale}) {
        for (std::size_t length = 0; length < whole.size(); ++length) {
            EXPECT_FALSE(parse_entry(whole.substr(0, length), "leasehold/x", problem));
            EXPECT_FALSE(parse_applied(whole.substr(0, length), "leasehold/x", problem));
            EXPECT_TRUE(parse_txn_errors(whole.substr(0, length)).empty());
            for (const char byte : {'\0', '"', '}', '7', '\xff'}) {
                std::string changed = whole;
                changed[length] = byte;
                EXPECT_NO_THROW(parse_entry(changed, "leasehold/x", problem));
                EXPECT_NO_THROW(parse_applied(changed, "leasehold/x", problem));
                EXPECT_NO_THROW(parse_txn_errors(changed));
            }
        }
    }
}

}  // namespace
}  // namespace leasehold::stores::consul
