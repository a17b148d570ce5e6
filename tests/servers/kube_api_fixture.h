// SPDX-License-Identifier: Apache-2.0
//
// For test programs that need a real Kubernetes API server: one for all tests of the program, started by the first test
// that needs it and ended after the last one. To be included by gtest programs only.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "tests/servers/kube_api.h"

namespace leasehold::servers {

class SharedKubeApi : public testing::Environment {
public:
    static KubeApi& get() {
        if (!failure_.empty()) throw std::runtime_error("the API server did not start: " + failure_);
        if (!server_) {
            try {
                server_ = std::make_unique<KubeApi>(KubeApi::Options{});
            } catch (const std::exception& error) {
                failure_ = error.what();  // no test after this one tries again
                throw;
            }
        }
        server_->resume();  // a test that failed may have left it paused, or stopped
        server_->start();
        return *server_;
    }

    void TearDown() override { server_.reset(); }

private:
    static inline std::unique_ptr<KubeApi> server_;
    static inline std::string failure_;
};

inline testing::Environment* const kSharedKubeApi = testing::AddGlobalTestEnvironment(new SharedKubeApi);

// A test with a namespace of its own. It is skipped where the programs of Kubernetes are missing.
class KubeApiTest : public testing::Test {
protected:
    void SetUp() override {
        if (!KubeApi::available()) GTEST_SKIP() << KubeApi::unavailable_message();
        api_ = &SharedKubeApi::get();
        namespace_ = api_->create_namespace();
    }

    KubeApi& api() { return *api_; }
    const std::string& name_space() const { return namespace_; }

private:
    KubeApi* api_ = nullptr;
    std::string namespace_;
};

}  // namespace leasehold::servers
