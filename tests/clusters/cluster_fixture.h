// SPDX-License-Identifier: Apache-2.0
//
// Stores in front of real clusters: what their tests share.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "tests/clusters/shared_ensembles.h"
#include "tests/conformance/store_fixture.h"
#include "tests/servers/relays.h"

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

// What a Subject of the conformance suite is but for open(): its clients get to the cluster by relays_.
template <class Cluster>
class ClusterSubject {
public:
    static std::string unavailable() { return servers::ensemble_kind<Cluster>().unavailable; }

    void remove() { cluster_.remove(name_); }
    void put(const std::string& text) { cluster_.put(name_, text); }
    void stall() { relays_.set(servers::Relay::Mode::black_hole); }
    void lose_answers() { relays_.set(servers::Relay::Mode::one_way); }
    void resume() { relays_.repair(); }

protected:
    Cluster& cluster_ = servers::SharedEnsembles::get<Cluster>();
    servers::Relays relays_{cluster_.client_ports()};
    const std::string name_ = servers::SharedEnsembles::new_name();
};

}  // namespace leasehold::stores
