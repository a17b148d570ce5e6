// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/retry_after.h"

#include <string>

#include <gtest/gtest.h>

namespace leasehold::stores::http {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

Answer answer_with(int status, const std::string& text) {
    Answer answer;
    answer.status = status;
    answer.headers["retry-after"] = text;
    return answer;
}

TEST(RetryAfter, seconds_of_a_429_or_a_503) {
    EXPECT_EQ(retry_after(answer_with(429, "7"), hours(24)), seconds(7));
    EXPECT_EQ(retry_after(answer_with(503, "1"), hours(24)), seconds(1));
    for (const int status : {0, 200, 301, 400, 500, 502, 504}) {
        EXPECT_EQ(retry_after(answer_with(status, "7"), hours(24)), seconds(0)) << status;
    }
    Answer silent;
    silent.status = 429;
    EXPECT_EQ(retry_after(silent, hours(24)), seconds(0));
}

TEST(RetryAfter, no_longer_than_the_caller_puts_up_with) {
    EXPECT_EQ(retry_after(answer_with(429, "60"), minutes(1)), seconds(60));
    EXPECT_EQ(retry_after(answer_with(429, "61"), minutes(1)), seconds(60));
    EXPECT_EQ(retry_after(answer_with(503, "18446744073709551615"), minutes(1)), seconds(60));
    EXPECT_EQ(retry_after(answer_with(503, "18446744073709551615"), hours(24)), hours(24));
}

TEST(RetryAfter, anything_else_is_as_if_nothing_was_said) {
    for (const char* odd :
         {"", "0", "-1", "+1", "1.5", "7s", "7 ", "soon", "18446744073709551616", "Fri, 31 Dec 1999 23:59:59 GMT"}) {
        EXPECT_EQ(retry_after(answer_with(429, odd), hours(24)), seconds(0)) << odd;
    }
}

}  // namespace
}  // namespace leasehold::stores::http
