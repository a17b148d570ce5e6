// SPDX-License-Identifier: Apache-2.0
//
// One ensemble of each kind for all tests of the program, started by the first that needs it and ended after the last.
// To be included by gtest programs only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/servers/ensemble.h"
#include "tests/servers/member_processes.h"

namespace leasehold::servers {

class SharedEnsembles : public testing::Environment {
public:
    // All of it runs, whatever a test that failed has left.
    static Ensemble& get(const EnsembleKind& kind) {
        auto& ensemble = ensembles_[kind.name];
        if (!ensemble) ensemble = kind.start();
        dynamic_cast<MemberProcesses&>(*ensemble).start_all();
        ensemble->await_ready();
        return *ensemble;
    }
    template <class Cluster>
    static Cluster& get() {
        return dynamic_cast<Cluster&>(get(ensemble_kind<Cluster>()));
    }

    // The name of an election that no other test uses.
    static std::string new_name() { return "test-" + std::to_string(++names_); }

    void TearDown() override { ensembles_.clear(); }

private:
    static inline std::map<std::string, std::unique_ptr<Ensemble>> ensembles_;
    static inline int names_ = 0;
};

inline testing::Environment* const kSharedEnsembles = testing::AddGlobalTestEnvironment(new SharedEnsembles);

}  // namespace leasehold::servers
