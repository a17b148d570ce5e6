// SPDX-License-Identifier: Apache-2.0
#include "election/stores/disk_mailbox.h"

#include <algorithm>

#include <sys/eventfd.h>
#include <unistd.h>

namespace leasehold::stores {

Result<std::shared_ptr<DiskMailbox>> DiskMailbox::create() {
    UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return system_failure("eventfd");
    return std::shared_ptr<DiskMailbox>(new DiskMailbox(std::move(event)));
}

void DiskMailbox::put(std::uint64_t id, DiskAnswer answer) {
    const std::lock_guard guard(mutex_);
    letters_.push_back({id, std::move(answer)});
    const std::uint64_t one = 1;
    // Cannot fail but with EAGAIN, when the counter is full and the loop is being woken anyway.
    static_cast<void>(!::write(event_.get(), &one, sizeof one));
}

std::vector<DiskMailbox::Letter> DiskMailbox::take() {
    const std::lock_guard guard(mutex_);
    std::uint64_t count = 0;
    static_cast<void>(!::read(event_.get(), &count, sizeof count));  // EAGAIN: nothing came
    return std::exchange(letters_, {});
}

std::optional<Duration> DiskRequest::run() {
    const bool done = given_up() || work_(*this);
    waits_for_lock_ = !done;
    if (!done && !given_up()) {
        constexpr Duration kLongestPause = std::chrono::milliseconds(5);
        return std::exchange(pause_, std::min<Duration>(pause_ * 2, kLongestPause));
    }
    work_ = nullptr;  // what it holds is freed here, on the thread that may wait for the disk
    return std::nullopt;
}

}  // namespace leasehold::stores
