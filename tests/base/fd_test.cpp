// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace leasehold {
namespace {

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

int a_descriptor() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(UniqueFd, closes_what_it_owns) {
    const int fd = a_descriptor();
    {
        const UniqueFd owner(fd);
        EXPECT_TRUE(owner);
        EXPECT_EQ(owner.get(), fd);
        EXPECT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, owns_nothing_by_default) {
    const UniqueFd none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none.get(), -1);
}

TEST(UniqueFd, moves_ownership) {
    const int first = a_descriptor();
    const int second = a_descriptor();
    UniqueFd from(first);
    UniqueFd to(second);
    to = std::move(from);
    EXPECT_EQ(to.get(), first);
    EXPECT_FALSE(is_open(second));
    UniqueFd last(std::move(to));
    EXPECT_EQ(last.get(), first);
    EXPECT_TRUE(is_open(first));
}

TEST(UniqueFd, survives_being_moved_to_itself) {
    UniqueFd owner(a_descriptor());
    UniqueFd& same = owner;
    owner = std::move(same);
    EXPECT_TRUE(is_open(owner.get()));
}

TEST(UniqueFd, gives_up_and_takes_over) {
    UniqueFd owner(a_descriptor());
    const int released = owner.release();
    EXPECT_FALSE(owner);
    EXPECT_TRUE(is_open(released));
    owner.reset(released);
    owner.reset();
    EXPECT_FALSE(is_open(released));
}

}  // namespace
}  // namespace leasehold
