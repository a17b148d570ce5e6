// SPDX-License-Identifier: Apache-2.0
//
// How answers of the disk's thread reach the event loop, and what a request looks like in between.
//
// Threads: a mailbox may be filled from any thread; take() belongs to the loop's. Blocking: none.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "election/stores/disk_worker.h"
#include "election/stores/file_store_loop.h"

namespace leasehold::stores {

class DiskMailbox {
public:
    struct Letter {
        std::uint64_t id = 0;
        DiskAnswer answer;
    };

    static Result<std::shared_ptr<DiskMailbox>> create();

    int fd() const { return event_.get(); }  // readable when there is something to take
    void put(std::uint64_t id, DiskAnswer answer);
    std::vector<Letter> take();

private:
    explicit DiskMailbox(UniqueFd event) : event_(std::move(event)) {}

    UniqueFd event_;
    std::mutex mutex_;
    std::vector<Letter> letters_;
};

// One request, shared by the loop, which may give it up, and the thread that works on it.
class DiskRequest : public DiskJob {
public:
    // `work` calls answer() once and returns true when it is done; false when it has to wait for the lock.
    using Work = std::function<bool(DiskRequest&)>;

    DiskRequest(std::uint64_t id, Instant deadline, std::shared_ptr<DiskMailbox> mailbox, Work work)
        : id_(id), deadline_(deadline), mailbox_(std::move(mailbox)), work_(std::move(work)) {}

    std::optional<Duration> run() override;
    void answer(DiskAnswer answer) { mailbox_->put(id_, std::move(answer)); }

    void give_up() { given_up_ = true; }
    bool was_given_up() const { return given_up_; }
    // Looks at the clock as well: the loop may be late, when the whole process was stopped in between.
    bool given_up() const { return given_up_ || reached_on_any_clock(deadline_, now()); }

    bool waits_for_lock() const { return waits_for_lock_; }

private:
    const std::uint64_t id_;
    const Instant deadline_;
    const std::shared_ptr<DiskMailbox> mailbox_;
    Work work_;  // of the worker's thread alone once posted
    Duration pause_ = std::chrono::microseconds(200);
    std::atomic<bool> given_up_{false};
    std::atomic<bool> waits_for_lock_{false};
};

}  // namespace leasehold::stores
