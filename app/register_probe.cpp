// SPDX-License-Identifier: Apache-2.0
#include "app/register_probe.h"

#include <cstdint>
#include <limits>
#include <optional>

#include <fmt/core.h>

#include "app/exit_status.h"
#include "app/load.h"
#include "app/store_choice.h"
#include "election/stores/record_json.h"

namespace leasehold::app {
namespace {

using election::Presence;
using election::ReadOutcome;
using election::ReadStatus;
using election::Snapshot;
using election::WriteOutcome;
using election::WriteStatus;

constexpr Duration kTimeout = std::chrono::seconds(10);

// No write will ever have it, so that nothing is replaced; but whoever may not write is told so.
constexpr auto kNoVersion = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::string describe(const Snapshot& snapshot) {
    switch (snapshot.presence) {
        case Presence::absent: return "there is no record yet; 'leasehold init' makes one";
        case Presence::vacated: return "the record is empty";
        case Presence::unreadable: return "the record cannot be understood and counts as held: " + snapshot.problem;
        case Presence::present: break;
    }
    return snapshot.record.released ? "the lease is free" : snapshot.record.holder + " holds the lease";
}

template <class Outcome>
void print_refusal(const char* what, const Outcome& outcome) {
    fmt::print("  {:<6} FAILED ({}): {}\n", what, outcome.reason, outcome.detail);
}

}  // namespace

int probe_register(const config::Options& options) {
    auto loop = EventLoop::create();
    auto opened = loop ? open_store(**loop, options, "probe") : tl::unexpected<Error>(loop.error());
    if (!opened) {
        complain(opened.error().message);
        return kLeaseholdFailed;
    }
    stores::Store& store = *opened->store;
    std::optional<ReadOutcome> seen;
    std::optional<WriteOutcome> written;
    store.read(kTimeout, [&](ReadOutcome outcome) {
        seen = std::move(outcome);
        if (seen->status != ReadStatus::ok) return (*loop)->stop();
        const auto record = stores::make_released_record(options.election.timing.lease_duration, 0);
        store.write({.expect_absent = false, .expected = {kNoVersion, seen->snapshot.version.tag}, .record = record},
                    kTimeout, [&](WriteOutcome answer) {
                        written = std::move(answer);
                        (*loop)->stop();
                    });
    });
    if (auto ran = (*loop)->run(); !ran) complain(ran.error().message);

    fmt::print("Store: {}\n", store.describe());
    if (!seen || seen->status != ReadStatus::ok) {
        if (seen) print_refusal("read", *seen);
        return kLeaseholdFailed;
    }
    fmt::print("  read   allowed: {}\n", describe(seen->snapshot));
    if (!written || written->status != WriteStatus::conflict) {
        if (written) print_refusal("write", *written);
        return kLeaseholdFailed;
    }
    fmt::print("  write  allowed\n");
    return 0;
}

}  // namespace leasehold::app
