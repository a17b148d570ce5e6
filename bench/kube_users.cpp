// SPDX-License-Identifier: Apache-2.0
#include "bench/kube_users.h"

#include <sys/resource.h>

#include "bench/member.h"

namespace leasehold::bench {
namespace {

constexpr int kAhead = -15;

}  // namespace

void go_ahead_of_others() {
    // Without root it shares the processors like everybody: docs/benchmarks.md.
    if (setpriority(PRIO_PROCESS, 0, kAhead) != 0) fmt::print(stderr, "the API server has no precedence: not root\n");
}

std::unique_ptr<servers::KubeApi> start_api_ahead_of_others() {
    const int before = getpriority(PRIO_PROCESS, 0);
    go_ahead_of_others();
    auto api = std::make_unique<servers::KubeApi>(servers::KubeApi::Options{});
    demand(setpriority(PRIO_PROCESS, 0, before) == 0, "cannot go back to the nice value of before");
    return api;
}

}  // namespace leasehold::bench
