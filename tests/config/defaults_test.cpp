// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/config/support.h"

namespace leasehold::config {
namespace {

constexpr const char* kDefaults = R"(election:
  name: e
  lease_duration: 15s
  renew_deadline: 10s
  retry_period: 2s
  clock_drift: 1%
  kill_allowance: 250ms
  store:
    file:
      path: /var/lib/leasehold/e.lease
workload:
  command:
    - c
  standby_command: []
  env: {}
  stop:
    signal: TERM
    grace_period: 30s
    command: []
  supplementary_groups:
    - auto
  umask: inherit
  limits: {}
  clear_env: false
  nice: inherit
  oom_score_adj: inherit
  restart:
    policy: never
    success_exit_codes:
      - 0
    initial_backoff: 1s
    max_backoff: 1m
    reset_after: 10m
    give_up_after: 5
    within: 5m
    then: auto
    cooldown: 1m
  hooks:
    before_start: []
    after_start: []
    before_stop: []
    after_stop: []
    on_new_leader: []
    timeout: 10s
  output:
    format: inherit
    overflow: block
    buffer: "1M"
    keep_last: 20
  signals:
    to: group
    rewrite: {}
  containment: auto
  no_new_privs: auto
protection:
  scheduling: auto
  oom_score_adj: -900
  lock_memory: auto
http:
  listen:
    - "0.0.0.0:9090"
control:
  socket: none
logging:
  level: info
  format: text
)";

TEST(Printing, ShowsEveryDefault) {
    Options options;
    options.election.name = "e";
    options.election.store.file.path = "/var/lib/leasehold/e.lease";
    options.workload.command = {"c"};
    EXPECT_EQ(to_yaml(options, true), kDefaults);
}

}  // namespace
}  // namespace leasehold::config
