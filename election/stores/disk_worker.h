// SPDX-License-Identifier: Apache-2.0
//
// A thread for work on a disk that may hang. Jobs run one after the other. When one hangs, its thread is abandoned and
// later jobs get a fresh one; the abandoned thread finishes what it is stuck in, if ever, and ends. There is a bound on
// how many may be stuck at a time.
//
// Threads: post(), unblock() and the destructor belong to the thread that made the object; jobs run on the worker's,
// with all signals blocked. Blocking: none of the calls waits for a job, the destructor neither.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"

namespace leasehold::stores {

class DiskJob {
public:
    virtual ~DiskJob() = default;

    // On a worker's thread. Nothing when done; otherwise it is run again after this time, and other jobs in between.
    virtual std::optional<Duration> run() = 0;
};

class DiskWorker {
public:
    explicit DiskWorker(std::size_t most_stuck = 4) : most_stuck_(most_stuck) {}
    DiskWorker(const DiskWorker&) = delete;
    DiskWorker& operator=(const DiskWorker&) = delete;
    ~DiskWorker();  // jobs that were posted are still run, by a thread of their own account

    // False when too many threads are stuck, or none can be made.
    bool post(std::shared_ptr<DiskJob> job);

    // `job` takes too long. If a thread is busy with it, or with one before it, that thread is abandoned and the jobs
    // behind get another.
    void unblock(const std::shared_ptr<DiskJob>& job);

private:
    struct Lane;
    static void serve(const std::shared_ptr<Lane>& lane);
    std::shared_ptr<Lane> start_lane();

    const std::size_t most_stuck_;
    std::shared_ptr<Lane> current_;
    std::vector<std::shared_ptr<Lane>> abandoned_;
};

}  // namespace leasehold::stores
