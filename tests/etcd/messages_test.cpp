// SPDX-License-Identifier: Apache-2.0
//
// The texts are what etcd 3.4.23 said; tests/clusters has the server itself.
#include "election/stores/etcd/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "election/stores/secret_text.h"

namespace leasehold::stores::etcd {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

const std::string kHeader = R"("header":{"cluster_id":"324952591200643719","revision":"3","raft_term":"2"})";
const std::string kKeyValue =
    R"({"key":"a2V5","create_revision":"2","mod_revision":"3","version":"5","value":"eyJ4IjoxfQ=="})";

template <class Parse>
std::string problem_of(Parse parse, const std::string& text) {
    std::string problem;
    EXPECT_FALSE(parse(text, problem)) << text;
    return problem;
}

TEST(Messages, RequestsSayWhatTheGatewayExpects) {
    EXPECT_EQ(Json::parse(range_request("key")), Json({{"key", "a2V5"}}));
    const Json put = {{{"request_put", {{"key", "a2V5"}, {"value", "dmFsdWU="}}}}};
    const Json look = {{{"request_range", {{"key", "a2V5"}}}}};
    EXPECT_EQ(Json::parse(create_request("key", "value")),
              Json({{"compare", {{{"key", "a2V5"}, {"target", "VERSION"}, {"result", "EQUAL"}, {"version", "0"}}}},
                    {"success", put},
                    {"failure", look}}));
    const Json same = {{{"key", "a2V5"}, {"target", "MOD"}, {"result", "EQUAL"}, {"mod_revision", "7"}},
                       {{"key", "a2V5"}, {"target", "CREATE"}, {"result", "EQUAL"}, {"create_revision", "5"}},
                       {{"key", "a2V5"}, {"target", "VERSION"}, {"result", "EQUAL"}, {"version", "2"}}};
    EXPECT_EQ(Json::parse(update_request("key", "value", {7, 5, 2})),
              Json({{"compare", same}, {"success", put}, {"failure", look}}));
    EXPECT_EQ(Json::parse(watch_request("key", 7)),
              Json({{"create_request", {{"key", "a2V5"}, {"progress_notify", true}, {"start_revision", "7"}}}}));
    EXPECT_EQ(Json::parse(authenticate_request("u", "p\"")), Json({{"name", "u"}, {"password", "p\""}}));
}

TEST(Messages, AnyByteMayStandInAKeyOrValue) {
    const std::string odd("a\0\xff\"b", 5);
    const Json request = Json::parse(create_request(odd, odd));
    EXPECT_EQ(decode_base64(request["compare"][0]["key"].get<std::string>()), odd);
    EXPECT_EQ(decode_base64(request["success"][0]["request_put"]["value"].get<std::string>()), odd);
    EXPECT_NO_THROW(authenticate_request("\xff", "\xff"));
}

TEST(Messages, ARangeHasTheKeyOrNot) {
    std::string problem;
    const auto there = parse_range('{' + kHeader + R"(,"kvs":[)" + kKeyValue + R"(],"count":"1"})", problem);
    ASSERT_TRUE(there && there->found) << problem;
    EXPECT_EQ(there->header.cluster_id, "324952591200643719");
    EXPECT_EQ(there->header.revision, 3U);
    EXPECT_EQ(there->found->value, R"({"x":1})");
    EXPECT_EQ(there->found->place, (Place{3, 2, 5}));
    const auto absent = parse_range('{' + kHeader + '}', problem);
    ASSERT_TRUE(absent);
    EXPECT_FALSE(absent->found);
    const std::string empty = R"({"key":"a2V5","mod_revision":"3"})";
    const auto emptied = parse_range('{' + kHeader + R"(,"kvs":[)" + empty + "]}", problem);
    ASSERT_TRUE(emptied && emptied->found);
    EXPECT_EQ(emptied->found->value, "");
}

TEST(Messages, ATransactionSucceededOrNot) {
    std::string problem;
    const auto put = parse_txn('{' + kHeader + R"(,"succeeded":true,"responses":[{"response_put":{}}]})", problem);
    ASSERT_TRUE(put) << problem;
    EXPECT_TRUE(put->succeeded);
    EXPECT_EQ(put->header.revision, 3U);
    const auto refused = parse_txn('{' + kHeader + R"(,"responses":[{"response_range":{"header":{}}}]})", problem);
    ASSERT_TRUE(refused);
    EXPECT_FALSE(refused->succeeded);
    // What does not show which way it went proves nothing.
    for (const char* rest : {"}", R"(,"succeeded":true})", R"(,"responses":[{"response_put":{}}]})",
                             R"(,"succeeded":true,"responses":[{"response_range":{}}]})", R"(,"responses":[]})"}) {
        EXPECT_NE(problem_of(parse_txn, '{' + kHeader + rest), "") << rest;
    }
    EXPECT_NE(
        problem_of(parse_txn, R"({"header":{"cluster_id":"1"},"succeeded":true,"responses":[{"response_put":{}}]})"),
        "")
        << "without a revision";
}

TEST(Messages, AWatchTellsOfChangesAndOfItsEnd) {
    std::string problem;
    const auto created = parse_watch(R"({"result":{)" + kHeader + R"(,"created":true}})", problem);
    ASSERT_TRUE(created) << problem;
    EXPECT_TRUE(created->created);
    EXPECT_EQ(created->header.revision, 3U);

    const std::string deletion = R"({"type":"DELETE","kv":{"key":"a2V5","mod_revision":"9"}})";
    const auto changed =
        parse_watch(R"({"result":{)" + kHeader + R"(,"events":[{"kv":)" + kKeyValue + "}," + deletion + "]}}", problem);
    ASSERT_TRUE(changed) << problem;
    ASSERT_EQ(changed->changes.size(), 2U);
    EXPECT_FALSE(changed->changes[0].deleted);
    EXPECT_EQ(changed->changes[0].now.value, R"({"x":1})");
    EXPECT_TRUE(changed->changes[1].deleted);
    EXPECT_EQ(changed->changes[1].now.place.mod_revision, 9U);

    const auto compacted =
        parse_watch(R"({"result":{)" + kHeader + R"(,"canceled":true,"compact_revision":"3"}})", problem);
    ASSERT_TRUE(compacted) << problem;
    EXPECT_TRUE(compacted->compacted);

    const auto progress = parse_watch(R"({"result":{)" + kHeader + "}}", problem);
    ASSERT_TRUE(progress) << problem;
    EXPECT_FALSE(progress->created || progress->compacted || progress->refusal);
    EXPECT_TRUE(progress->changes.empty());

    const auto expired = parse_watch(
        R"({"result":{)" + kHeader + R"(,"canceled":true,"cancel_reason":"etcdserver: invalid auth token"}})", problem);
    ASSERT_TRUE(expired && expired->refusal) << problem;
    EXPECT_TRUE(expired->refusal->is(Refusal::Code::unauthenticated));

    const auto no_leader = parse_watch(
        R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"x"}})", problem);
    ASSERT_TRUE(no_leader) << problem;
    ASSERT_TRUE(no_leader->refusal);
    EXPECT_TRUE(no_leader->refusal->is(Refusal::Code::unavailable));
    EXPECT_EQ(no_leader->refusal->message, "etcdserver: no leader");
}

TEST(Messages, ARefusalHasACodeAndASentence) {
    const auto refusal = parse_refusal(
        R"({"error":"etcdserver: permission denied","message":"etcdserver: permission denied","code":7})");
    ASSERT_TRUE(refusal);
    EXPECT_TRUE(refusal->is(Refusal::Code::permission_denied));
    EXPECT_EQ(refusal->message, "etcdserver: permission denied");
    for (const char* other : {"", "Not Found\n", "<html></html>", "[]", "{}", R"({"code":0})", R"({"code":"x"})",
                              R"({"code":200,"message":"a proxy"})"}) {
        EXPECT_FALSE(parse_refusal(other)) << other;
    }
}

TEST(Messages, WhatIsDamagedIsRefusedWithAReason) {
    for (const char* text :
         {"", "{", "<html>", "[]", "null", "{}", R"({"header":1})", R"({"header":{"cluster_id":[]}})",
          R"({"header":{"cluster_id":"1","revision":"-1"},"succeeded":true})",
          R"({"header":{"cluster_id":"1","revision":"3x"},"succeeded":true})"}) {
        EXPECT_NE(problem_of(parse_range, text), "");
        EXPECT_NE(problem_of(parse_txn, text), "");
        EXPECT_NE(problem_of(parse_watch, text), "");
        EXPECT_NE(problem_of(parse_token, text), "");
    }
    const std::string no_revision = R"(,"kvs":[{"value":"eA=="}]})";
    const std::string no_base64 = R"(,"kvs":[{"mod_revision":"3","value":"%"}]})";
    const std::string two = R"(,"kvs":[)" + kKeyValue + ',' + kKeyValue + "]}";
    for (const std::string& kvs : {no_revision, no_base64, two, std::string(R"(,"kvs":{}})")}) {
        EXPECT_NE(problem_of(parse_range, '{' + kHeader + kvs), "");
    }
    EXPECT_NE(problem_of(parse_watch, R"({"result":{)" + kHeader + R"(,"events":[{}]}})"), "");
    EXPECT_NE(problem_of(parse_watch, R"({"result":{)" + kHeader + R"(,"events":7}})"), "");
}

// Cut off anywhere, or with any byte changed: a reason, or something whole, but never an exception.
TEST(Messages, SurviveDamage) {
    const std::string whole = R"({"result":{)" + kHeader + R"(,"events":[{"kv":)" + kKeyValue + "}]}}";
    std::string problem;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(parse_watch(whole.substr(0, length), problem));
        for (const char byte : {'\0', '"', '}', '7', '\xff'}) {
            std::string changed = whole;
            changed[length] = byte;
            EXPECT_NO_THROW(parse_watch(changed, problem));
            EXPECT_NO_THROW(parse_range(changed, problem));
            EXPECT_NO_THROW(parse_refusal(changed));
        }
    }
}

}  // namespace
}  // namespace leasehold::stores::etcd
