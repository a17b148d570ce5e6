// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/refusal.h"

#include <gtest/gtest.h>

namespace leasehold::stores::etcd {
namespace {

using std::chrono::seconds;

TEST(EtcdRefusal, leaves_alone_for_as_long_as_asked_but_a_minute_at_most) {
    const auto patience = [](int status, const char* text) {
        http::Answer answer;
        answer.status = status;
        answer.sent = true;
        answer.headers["retry-after"] = text;
        return explain(answer, "read", "/leasehold/x", "http://10.0.0.1:2379").retry_after;
    };
    EXPECT_EQ(patience(503, "7"), seconds(7));
    EXPECT_EQ(patience(429, "3600"), seconds(60));
    EXPECT_EQ(patience(502, "7"), Duration::zero());
    EXPECT_EQ(patience(503, "soon"), Duration::zero());
}

}  // namespace
}  // namespace leasehold::stores::etcd
