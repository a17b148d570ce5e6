// SPDX-License-Identifier: Apache-2.0
#include "metrics/microhttpd_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leasehold::metrics {
namespace {

using testing::HasSubstr;

TEST(MicrohttpdLibrary, IsLoadedOnce) {
    const auto library = microhttpd_library();
    ASSERT_TRUE(library) << library.error().message;
    EXPECT_EQ(*library, *microhttpd_library());
    EXPECT_NE((*library)->start_daemon, nullptr);
}

TEST(MicrohttpdLibrary, SaysWhatToInstallWhereItIsMissing) {
    const auto library = load_microhttpd_library("libnotthere.so.1");
    ASSERT_FALSE(library);
    EXPECT_THAT(library.error().message, HasSubstr("libnotthere.so.1"));
    EXPECT_THAT(library.error().message, HasSubstr("install the package libmicrohttpd12"));
}

TEST(MicrohttpdLibrary, RefusesAnotherLibrary) {
    const auto library = load_microhttpd_library("libm.so.6");
    ASSERT_FALSE(library);
    EXPECT_THAT(library.error().message, HasSubstr("libm.so.6 is no libmicrohttpd"));
}

}  // namespace
}  // namespace leasehold::metrics
