// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/identity.h"

#include <map>

#include <gmock/gmock.h>
#include <unistd.h>

namespace leasehold::stores::etcd {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// Members that answer when the test says so.
class IdentityTest : public testing::Test {
protected:
    // Every member that has been asked answers, if only with nothing.
    void answer(const std::map<std::size_t, std::string>& ids) {
        auto asked = std::move(asked_);
        asked_.clear();
        for (auto& [member, answered] : asked) answered(ids.contains(member) ? ids.at(member) : "");
    }
    bool surveys() const { return !asked_.empty(); }

    std::map<std::size_t, Identity::Answered> asked_;
    Identity identity_{{"a", "b", "c"}, [this](std::size_t member, Duration, Identity::Answered answered) {
                           asked_[member] = std::move(answered);
                       }};
    int known_ = 0;
};

TEST_F(IdentityTest, AsksAllBeforeTheFirstIsBelieved) {
    EXPECT_FALSE(identity_.known(milliseconds(100), [this] { ++known_; }));
    EXPECT_FALSE(identity_.known(milliseconds(100), [this] { ++known_; }));
    ASSERT_EQ(asked_.size(), 3U);
    answer({{0, "x"}, {1, "x"}, {2, "x"}});
    EXPECT_EQ(known_, 2);
    EXPECT_TRUE(identity_.known(milliseconds(100), [this] { ++known_; }));
    EXPECT_EQ(known_, 2);
    EXPECT_EQ(identity_.id(), "x");
    EXPECT_TRUE(identity_.accepts("x"));
    identity_.keep_up();
    EXPECT_FALSE(surveys()) << "all have answered alike";
}

TEST_F(IdentityTest, OneThatDoesNotAnswerIsNoHindrance) {
    EXPECT_FALSE(identity_.known(milliseconds(100), [this] { ++known_; }));
    answer({{1, "x"}});
    EXPECT_EQ(known_, 1);
    EXPECT_TRUE(identity_.accepts("x"));
}

TEST_F(IdentityTest, NobodyIsBelievedWhileTwoSayDifferentThings) {
    EXPECT_FALSE(identity_.known(milliseconds(100), [] {}));
    answer({{0, "x"}, {1, "x"}, {2, "y"}});
    EXPECT_FALSE(identity_.accepts("x"));
    EXPECT_FALSE(identity_.accepts("y"));
    EXPECT_THAT(identity_.problem("http://c", "y"), HasSubstr("b is of x; c is of y"));
}

TEST_F(IdentityTest, AnotherIdIsBelievedWhenMoreThanHalfSaySo) {
    EXPECT_FALSE(identity_.known(milliseconds(100), [] {}));
    answer({{0, "x"}, {1, "x"}, {2, "x"}});
    EXPECT_FALSE(identity_.accepts("y"));
    const auto asked_again = [this] {
        for (int i = 0; i < 3000 && !surveys(); ++i) {
            identity_.accepts("y");
            usleep(1000);
        }
        return surveys();
    };
    ASSERT_TRUE(asked_again());
    answer({{2, "y"}});
    EXPECT_FALSE(identity_.accepts("y")) << "one of three";
    EXPECT_TRUE(identity_.accepts("x"));
    ASSERT_TRUE(asked_again());
    answer({{1, "y"}, {2, "y"}});
    EXPECT_TRUE(identity_.accepts("y"));
    EXPECT_FALSE(identity_.accepts("x"));
}

TEST_F(IdentityTest, MayBeDestroyedByWhoeverWaits) {
    auto identity = std::make_unique<Identity>(
        std::vector<std::string>{"a", "b"},
        [this](std::size_t member, Duration, Identity::Answered answered) { asked_[member] = std::move(answered); });
    identity->known(milliseconds(100), [&] { identity.reset(); });
    identity->known(milliseconds(100), [this] { ++known_; });
    answer({});
    EXPECT_FALSE(identity);
    EXPECT_EQ(known_, 0);
}

}  // namespace
}  // namespace leasehold::stores::etcd
