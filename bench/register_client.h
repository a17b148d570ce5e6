// SPDX-License-Identifier: Apache-2.0
//
// A client of one record that takes no part in its election: it reads what the candidates have written, and measures
// what the store itself takes. It speaks through leasehold's own store classes, on connections that are kept open, so
// that the requests are the ones a candidate makes.
//
// Threads: for one thread. Everything blocks, each request for at most ten seconds; what fails is thrown as
// std::runtime_error.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "bench/report.h"
#include "election/stores/store.h"

namespace leasehold::bench {

class RegisterClient {
public:
    // `store_option` is what stands in election.store.
    RegisterClient(const std::string& store_option, const std::string& election);

    election::Snapshot read();

    // A record of its own in the place of the one that was read or written last: one compare-and-swap. Returns its
    // write id when it has been answered. Not for a lock that candidates use.
    std::string write();

    stores::Store& store() { return *store_; }
    EventLoop& loop() { return *loop_; }

private:
    template <class Condition>
    void await(const Condition& done, const std::string& what);

    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<stores::Store> store_;
    election::Snapshot last_;
    std::uint64_t writes_ = 0;
};

// When the lease in a record passes, as CLOCK_MONOTONIC counts: its duration after the instant at which its holder set
// out to write it. Nobody may take it before; that instant stands in the record by the wall clock, which all processes
// of one machine share.
std::chrono::nanoseconds lease_passes(const election::Record& record);

// What the store takes, in milliseconds, each of a write of its own.
struct StoreTimes {
    std::vector<double> write;  // from sending a compare-and-swap to its answer
    std::vector<double>
        delivery;  // from sending it to the delivery to somebody else who watches; may precede the answer
};
StoreTimes measure_store(const std::string& store_option, const std::string& election, int repetitions);

// From before a process is made to the first stamp of the workload that it executes, with nothing in between, in
// milliseconds.
std::vector<double> measure_exec(int repetitions);

}  // namespace leasehold::bench
