// SPDX-License-Identifier: Apache-2.0
#include "config/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/description.h"

namespace leasehold::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

Options some_options() {
    Options options;
    options.identity = "one";
    options.election.name = "test";
    options.workload.command = {"a", "b"};
    options.workload.env = {{"A", "1"}, {"B", "2"}};
    options.http.listen = {"127.0.0.1:9090", "[::1]:9090"};
    return options;
}

TEST(Changes, EqualOnesHaveNone) {
    EXPECT_THAT(changed_keys({}, {}), IsEmpty());
    EXPECT_THAT(changed_keys(some_options(), some_options()), IsEmpty());
}

TEST(Changes, AreNamedByTheirKeys) {
    Options after;
    after.workload.env["A"] = "b";
    after.logging.level = log::Level::debug;
    EXPECT_THAT(changed_keys({}, after), ElementsAre("workload.env", "logging.level"));
}

TEST(Changes, WhatCountsInOneOnlyIsOne) {
    Options after;
    after.election.store.kind = StoreKind::etcd;
    EXPECT_THAT(changed_keys({}, after), Contains("election.store.etcd.prefix"));
}

}  // namespace
}  // namespace leasehold::config
