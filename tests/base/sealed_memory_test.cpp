// SPDX-License-Identifier: Apache-2.0
#include "base/sealed_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace leasehold {
namespace {

TEST(SealedMemory, GivesBackWhatWasPutIn) {
    for (const std::string& text : {std::string(), std::string("a\0b\n", 4), std::string(1 << 20, 'x')}) {
        const auto fd = seal_in_memory("test", text);
        ASSERT_TRUE(fd) << fd.error().message;
        EXPECT_EQ(*read_sealed(fd->get()), text);
        EXPECT_EQ(*read_sealed(fd->get()), text);  // again, from the beginning
    }
}

TEST(SealedMemory, CannotBeChanged) {
    const auto fd = seal_in_memory("test", "text");
    ASSERT_TRUE(fd);
    EXPECT_EQ(pwrite(fd->get(), "x", 1, 0), -1);
    EXPECT_EQ(ftruncate(fd->get(), 0), -1);
    EXPECT_EQ(ftruncate(fd->get(), 100), -1);
    EXPECT_NE(fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(SealedMemory, SaysWhenThereIsNone) { EXPECT_FALSE(read_sealed(-1)); }

}  // namespace
}  // namespace leasehold
