// SPDX-License-Identifier: Apache-2.0
//
// A record as a leader writes it, for the microbenchmarks.
#pragma once

#include <chrono>

#include "election/core/record.h"

namespace leasehold::bench {

inline election::Record typical_record() {
    election::Record record;
    record.holder = "billing-7d9f6b5c4-x2x7k";
    record.lease_duration = std::chrono::seconds(15);
    record.acquire_time_us = 1'795'338'000'123'456;
    record.renew_time_us = 1'795'338'970'865'042;
    record.transitions = 41;
    record.incarnation = "0b7c52f4e19a4d6f9a3b";
    record.write_id = election::WriteId{.term = 7, .agent = 1, .attempt = 4711}.text();
    return record;
}

}  // namespace leasehold::bench
