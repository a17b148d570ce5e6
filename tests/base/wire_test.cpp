// SPDX-License-Identifier: Apache-2.0
#include "base/wire.h"

#include <limits>

#include <gtest/gtest.h>

namespace leasehold {
namespace {

TEST(Wire, gives_back_what_was_written) {
    WireWriter writer;
    writer.number(std::numeric_limits<std::uint64_t>::max());
    writer.signed_number(-5);
    writer.text(std::string("a\0b", 3));
    writer.text("");
    WireReader reader(writer.bytes());
    EXPECT_EQ(reader.number(), std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(reader.signed_number(), -5);
    EXPECT_EQ(reader.text(), std::string("a\0b", 3));
    EXPECT_EQ(reader.text(), "");
    EXPECT_TRUE(reader.at_end());
    EXPECT_FALSE(reader.failed());
}

TEST(Wire, never_reads_past_the_end_however_the_bytes_were_cut) {
    WireWriter writer;
    writer.number(7);
    writer.text("some words");
    for (std::size_t size = 0; size < writer.bytes().size(); ++size) {
        WireReader reader(std::string_view(writer.bytes()).substr(0, size));
        reader.number();
        EXPECT_EQ(reader.text(), "") << size;
        EXPECT_TRUE(reader.failed()) << size;
        EXPECT_EQ(reader.number(), 0U) << "what fails stays failed";
    }
}

TEST(Wire, believes_no_length_beyond_what_is_there) {
    WireWriter writer;
    writer.number(std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(WireReader(writer.bytes()).text(), "");
    WireReader reader(writer.bytes());
    EXPECT_EQ(reader.count(), 0U);
    EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace leasehold
