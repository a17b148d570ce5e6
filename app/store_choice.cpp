// SPDX-License-Identifier: Apache-2.0
#include "app/store_choice.h"

#include <utility>

#include <fmt/core.h>

#include "app/exit_status.h"
#include "app/kubernetes.h"
#include "app/load.h"
#include "app/register_probe.h"
#include "base/clock.h"
#include "base/duration_text.h"
#include "election/stores/consul/consul_store.h"
#include "election/stores/etcd/etcd_store.h"
#include "election/stores/file_store.h"
#include "election/stores/record_json.h"
#include "election/stores/zookeeper/zookeeper_store.h"

namespace leasehold::app {
namespace {

using config::StoreKind;

constexpr Duration kInitTimeout = std::chrono::seconds(10);

Result<PreparedStore> prepare_file(const config::Options& options) {
    const stores::FileOptions& file = options.election.store.file;
    auto prepared = stores::prepare_file_store(file);
    if (!prepared) return tl::unexpected<Error>(prepared.error());
    PreparedStore store{.place = file.path, .lock_id = std::move(prepared->lock_id), .held = {}};
    store.held.push_back(std::move(prepared->presence));
    if (prepared->mount_presence) store.held.push_back(std::move(prepared->mount_presence));
    return store;
}

Result<PreparedStore> prepare_kubernetes(const config::Options& options) {
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected<Error>(loop.error());
    auto parts = open_kubernetes(**loop, options);
    if (!parts) return tl::unexpected<Error>(parts.error());
    return PreparedStore{.place = parts->store->describe(), .lock_id = lock_id(*parts), .held = {}};
}

// The stores that are a register in servers of their own, and nothing more.
struct Register {
    std::unique_ptr<stores::Store> store;
    std::string lock_id;
};

Result<Register> open_register(EventLoop& loop, const config::Options& options) {
    const auto open = [&](auto make, auto lock_id_of, const auto& its_options) -> Result<Register> {
        auto made = make(loop, its_options, options.election.name);
        if (!made) return tl::unexpected<Error>(made.error());
        return Register{std::move(*made), lock_id_of(its_options, options.election.name)};
    };
    const config::StoreOptions& store = options.election.store;
    switch (store.kind) {
        case StoreKind::etcd: return open(stores::open_etcd_store, stores::etcd_lock_id, store.etcd);
        case StoreKind::consul: return open(stores::open_consul_store, stores::consul_lock_id, store.consul);
        case StoreKind::zookeeper:
            return open(stores::open_zookeeper_store, stores::zookeeper_lock_id, store.zookeeper);
        case StoreKind::file:
        case StoreKind::kubernetes: break;
    }
    return failure("this store is no register");
}

Result<PreparedStore> prepare_register(const config::Options& options) {
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected<Error>(loop.error());
    auto opened = open_register(**loop, options);
    if (!opened) return tl::unexpected<Error>(opened.error());
    return PreparedStore{.place = opened->store->describe(), .lock_id = std::move(opened->lock_id), .held = {}};
}

// Reads, and writes a released record if there is none; turns the loop until that is done.
Result<std::string> init_register(EventLoop& loop, stores::Store& store, Duration lease_duration) {
    using std::chrono::duration_cast;
    Result<std::string> result = failure("nothing was done");
    const auto say = [&](Result<std::string> what) {
        result = std::move(what);
        loop.stop();
    };
    const auto written = [&](const election::WriteOutcome& outcome) {
        switch (outcome.status) {
            case election::WriteStatus::applied: return say("made " + store.describe() + ", released");
            case election::WriteStatus::conflict: return say(store.describe() + " was made by somebody else just now");
            case election::WriteStatus::failed:
                return say(failure("cannot make " + store.describe() + ": " + outcome.detail));
            case election::WriteStatus::unknown:
                return say(failure("it is unknown whether " + store.describe() + " was made (" + outcome.detail +
                                   "); run this again"));
        }
    };
    const auto seen = [&](const election::ReadOutcome& outcome) {
        if (outcome.status != election::ReadStatus::ok) {
            return say(failure("cannot read " + store.describe() + ": " + outcome.detail));
        }
        if (outcome.snapshot.presence == election::Presence::absent) {
            const auto now_us = duration_cast<std::chrono::microseconds>(wall_now().time_since_epoch()).count();
            const auto record = stores::make_released_record(lease_duration, now_us);
            store.write({.expect_absent = true, .expected = {}, .record = record}, kInitTimeout, written);
        } else {
            say(store.describe() + " is there already; left as it is");
        }
    };
    store.read(kInitTimeout, seen);
    if (auto ran = loop.run(); !ran) return tl::unexpected<Error>(ran.error());
    return result;
}

}  // namespace

Result<PreparedStore> prepare_store(const config::Options& options) {
    if (options.election.store.kind == StoreKind::file) return prepare_file(options);
    if (options.election.store.kind == StoreKind::kubernetes) return prepare_kubernetes(options);
    return prepare_register(options);
}

Result<std::string> init_store(const config::Options& options) {
    const Duration lease_duration = options.election.timing.lease_duration;
    if (options.election.store.kind == StoreKind::file) {
        return stores::init_file_store(options.election.store.file, lease_duration);
    }
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected<Error>(loop.error());
    auto opened = open_store(**loop, options, "init");
    if (!opened) return tl::unexpected<Error>(opened.error());
    return init_register(**loop, *opened->store, lease_duration);
}

int probe_store(const config::Options& options) {
    if (options.election.store.kind == StoreKind::kubernetes) return probe_kubernetes(options);
    const auto prepared = prepare_store(options);
    if (!prepared) {
        complain(prepared.error().message);
        return kLeaseholdFailed;
    }
    if (options.election.store.kind != StoreKind::file) return probe_register(options);
    fmt::print("Store: {} can be used.\n", prepared->place);
    return 0;
}

Result<OpenedStore> open_store(EventLoop& loop, const config::Options& options, std::string writer_name) {
    if (options.election.store.kind == StoreKind::kubernetes) {
        auto parts = open_kubernetes(loop, options);
        if (!parts) return tl::unexpected<Error>(parts.error());
        parts->api->print_missing_rights(needs_of_a_run(*parts, options));
        const std::string id = lock_id(*parts);
        return OpenedStore{std::move(parts->store), std::move(parts->announcer), id};
    }
    if (options.election.store.kind == StoreKind::file) {
        auto store = stores::open_file_store(loop, options.election.store.file, std::move(writer_name));
        if (!store) return tl::unexpected<Error>(store.error());
        return OpenedStore{std::move(*store), nullptr, {}};
    }
    auto opened = open_register(loop, options);
    if (!opened) return tl::unexpected<Error>(opened.error());
    return OpenedStore{std::move(opened->store), nullptr, {}};
}

}  // namespace leasehold::app
