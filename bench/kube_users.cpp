// SPDX-License-Identifier: Apache-2.0
#include "bench/kube_users.h"

#include <sys/resource.h>

#include "bench/member.h"

namespace leasehold::bench {
namespace {

constexpr int kAhead = -15;

}  // namespace

void go_ahead_of_others() {
    demand(setpriority(PRIO_PROCESS, 0, kAhead) == 0, "cannot come before other processes: that takes root");
}

std::unique_ptr<servers::KubeApi> start_api_ahead_of_others() {
    const int before = getpriority(PRIO_PROCESS, 0);
    go_ahead_of_others();
    auto api = std::make_unique<servers::KubeApi>(servers::KubeApi::Options{});
    demand(setpriority(PRIO_PROCESS, 0, before) == 0, "cannot go back to the nice value of before");
    return api;
}

}  // namespace leasehold::bench
