// SPDX-License-Identifier: Apache-2.0
//
// The text of a scrape, and what is done once at a start: a typical configuration, and the schema of it.
#include <string>

#include <benchmark/benchmark.h>

#include "config/config.h"
#include "metrics/metrics.h"

namespace leasehold::bench {
namespace {

void metrics_text(benchmark::State& state) {
    const metrics::Metrics metrics({.election = "billing", .version = "1.0.0", .revision = "0123456789ab"});
    for (auto _ : state) benchmark::DoNotOptimize(metrics.text());
}
BENCHMARK(metrics_text);

constexpr const char* kConfiguration = R"(identity: billing-1
election:
  name: billing
  lease_duration: 15s
  renew_deadline: 10s
  retry_period: 2s
  store:
    kubernetes: {lock: lease, namespace: billing, name: billing}
workload:
  command: [/usr/sbin/billingd, --foreground]
  stop: {grace_period: 25s}
http:
  listen: ["127.0.0.1:9090"]
logging:
  format: json
)";

void configuration_loaded(benchmark::State& state) {
    for (auto _ : state) {
        const auto loaded = config::load_text(kConfiguration, {.environment = config::process_environment()});
        if (!loaded.problems.empty()) return state.SkipWithError(loaded.problems.front().text("it").c_str());
    }
}
BENCHMARK(configuration_loaded);

void configuration_schema(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(config::json_schema());
}
BENCHMARK(configuration_schema);

}  // namespace
}  // namespace leasehold::bench
