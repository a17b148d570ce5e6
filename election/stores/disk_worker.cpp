// SPDX-License-Identifier: Apache-2.0
#include "election/stores/disk_worker.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/log.h"

namespace leasehold::stores {

// What a thread and the worker share; whoever is last frees it, so neither has to wait for the other.
struct DiskWorker::Lane {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::shared_ptr<DiskJob>> queue;
    const DiskJob* running = nullptr;
    bool closed = false;    // no more jobs come: end when the queue is empty
    bool finished = false;  // the thread is past its last job
};

void DiskWorker::serve(const std::shared_ptr<Lane>& lane) {
    std::unique_lock lock(lane->mutex);
    while (true) {
        lane->changed.wait(lock, [&] { return lane->closed || !lane->queue.empty(); });
        if (lane->queue.empty()) break;
        std::shared_ptr<DiskJob> job = std::move(lane->queue.front());
        lane->queue.pop_front();
        lane->running = job.get();
        lock.unlock();
        const std::optional<Duration> again = job->run();
        lock.lock();
        lane->running = nullptr;
        if (!again) continue;
        lane->queue.push_back(std::move(job));
        lock.unlock();
        std::this_thread::sleep_for(*again);
        lock.lock();
    }
    lane->finished = true;
}

std::shared_ptr<DiskWorker::Lane> DiskWorker::start_lane() {
    std::erase_if(abandoned_, [](const std::shared_ptr<Lane>& lane) {
        const std::lock_guard guard(lane->mutex);
        return lane->finished;
    });
    if (abandoned_.size() >= most_stuck_) return nullptr;
    auto lane = std::make_shared<Lane>();
    // A signal that the process waits for elsewhere must not be delivered here; the new thread inherits the mask.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        std::thread([lane] { serve(lane); }).detach();
    } catch (const std::system_error& error) {
        log::error("cannot start a thread for the disk: {}", error.what());
        lane = nullptr;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return lane;
}

DiskWorker::~DiskWorker() {
    if (!current_) return;
    const std::lock_guard guard(current_->mutex);
    current_->closed = true;
    current_->changed.notify_one();
}

bool DiskWorker::post(std::shared_ptr<DiskJob> job) {
    if (!current_) current_ = start_lane();
    if (!current_) return false;
    const std::lock_guard guard(current_->mutex);
    current_->queue.push_back(std::move(job));
    current_->changed.notify_one();
    return true;
}

void DiskWorker::unblock(const std::shared_ptr<DiskJob>& job) {
    if (!current_) return;
    const std::shared_ptr<Lane> lane = current_;
    {
        const std::lock_guard guard(lane->mutex);
        // Waiting for its next turn on a thread that is not busy, or done in the meantime: nothing is stuck.
        const bool behind = std::find(lane->queue.begin(), lane->queue.end(), job) != lane->queue.end();
        if (lane->running == nullptr || (lane->running != job.get() && !behind)) return;
    }
    abandoned_.push_back(lane);
    current_ = nullptr;
    current_ = start_lane();
    const std::lock_guard guard(lane->mutex);
    lane->closed = true;
    lane->changed.notify_one();
    if (!current_) return;  // what is queued stays where it is, and runs when the disk wakes up
    const std::lock_guard other_guard(current_->mutex);
    current_->queue.swap(lane->queue);
    current_->changed.notify_one();
}

}  // namespace leasehold::stores
