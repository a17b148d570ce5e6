// SPDX-License-Identifier: Apache-2.0
//
// Stores in front of real clusters: what their tests share.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "tests/clusters/shared_ensembles.h"
#include "tests/conformance/store_fixture.h"

namespace leasehold::stores {

// Skipped where the servers are not installed.
template <class Cluster>
class ClusterFixture : public StoreFixture {
protected:
    void SetUp() override {
        if (const auto why = servers::ensemble_kind<Cluster>().unavailable; !why.empty()) GTEST_SKIP() << why;
    }

    static Cluster& shared() { return servers::SharedEnsembles::get<Cluster>(); }

    const std::string name_ = servers::SharedEnsembles::new_name();  // of the election
};

}  // namespace leasehold::stores
