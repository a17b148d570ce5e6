// SPDX-License-Identifier: Apache-2.0
//
// The record, in the form that each store keeps it: made for a write, read from an answer. File, Consul and ZooKeeper
// keep encode_record()'s text; etcd and Consul put it into a request.
#include <string>

#include <benchmark/benchmark.h>

#include "bench/micro/record.h"
#include "election/stores/consul/messages.h"
#include "election/stores/etcd/messages.h"
#include "election/stores/kubernetes/lock_object.h"
#include "election/stores/kubernetes/watch_line.h"
#include "election/stores/record_json.h"

namespace leasehold::bench {
namespace {

using stores::kubernetes::Json;
using stores::kubernetes::ObjectName;

void record_encode(benchmark::State& state) {
    const election::Record record = typical_record();
    for (auto _ : state) benchmark::DoNotOptimize(encode_record(record, stores::JsonLayout::compact, 4711));
}
BENCHMARK(record_encode);

void record_decode(benchmark::State& state) {
    const std::string text = encode_record(typical_record(), stores::JsonLayout::compact, 4711);
    for (auto _ : state) benchmark::DoNotOptimize(stores::decode_record(text));
}
BENCHMARK(record_decode);

void etcd_update(benchmark::State& state) {
    const std::string text = encode_record(typical_record(), stores::JsonLayout::compact);
    for (auto _ : state) benchmark::DoNotOptimize(stores::etcd::update_request("/leasehold/billing", text, {7, 3, 5}));
}
BENCHMARK(etcd_update);

void consul_update(benchmark::State& state) {
    const std::string text = encode_record(typical_record(), stores::JsonLayout::compact);
    for (auto _ : state) benchmark::DoNotOptimize(stores::consul::cas_request("leasehold/billing", text, 4711));
}
BENCHMARK(consul_update);

const ObjectName kName{.namespace_name = "billing", .name = "billing", .owner = {}};

// As the API server gives it back.
Json stored_object() {
    Json object = encode_new(kName, typical_record());
    object["metadata"]["resourceVersion"] = "181234";
    object["metadata"]["uid"] = "8b7f1a0e-5f0c-4a58-9d7f-2f7f5c1c9a11";
    return object;
}

void kubernetes_update(benchmark::State& state) {
    const Json last = stored_object();
    const election::Record record = typical_record();
    for (auto _ : state) benchmark::DoNotOptimize(encode_update(kName, last, record).dump());
}
BENCHMARK(kubernetes_update);

void kubernetes_watch_line(benchmark::State& state) {
    const std::string line = Json{{"type", "MODIFIED"}, {"object", stored_object()}}.dump();
    for (auto _ : state) {
        const auto parsed = stores::kubernetes::parse_watch_line(line);
        if (!parsed || !decode_object(kName, parsed->object).snapshot) return state.SkipWithError("not understood");
    }
}
BENCHMARK(kubernetes_watch_line);

}  // namespace
}  // namespace leasehold::bench
