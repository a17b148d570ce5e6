// SPDX-License-Identifier: Apache-2.0
#include "election/stores/file_store_loop.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <sys/epoll.h>

#include <fmt/core.h>

#include "base/clock.h"
#include "election/stores/disk_mailbox.h"

namespace leasehold::stores {
namespace {

using election::ReadOutcome;
using election::ReadStatus;
using election::WriteOutcome;
using election::WriteStatus;

// The same failure, whatever kind of answer is due.
DiskAnswer failed_like(const DiskAnswer& model, const std::string& reason, const std::string& detail) {
    if (std::holds_alternative<WriteOutcome>(model)) return WriteOutcome{WriteStatus::failed, {}, reason, detail};
    if (std::holds_alternative<ReadOutcome>(model)) return ReadOutcome{ReadStatus::failed, {}, reason, detail};
    return WatchAnswer{{}, ReadOutcome{ReadStatus::failed, {}, reason, detail}};
}

ReadOutcome late_read() { return {ReadStatus::failed, {}, "timeout", "the disk did not answer in time"}; }
WriteOutcome late_write() { return {WriteStatus::unknown, {}, "timeout", "the disk did not answer in time"}; }

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::open(EventLoop& loop, std::shared_ptr<RegisterFile> file, Rhythm rhythm) {
    std::unique_ptr<FileStore> store(new FileStore(loop, std::move(file), rhythm));
    if (auto started = store->start(); !started) return tl::unexpected<Error>(started.error());
    return store;
}

Result<void> FileStore::start() {
    auto mailbox = DiskMailbox::create();
    if (!mailbox) return tl::unexpected<Error>(mailbox.error());
    auto deadlines = Timer::create(loop_, [this] { expire(); });
    if (!deadlines) return tl::unexpected<Error>(deadlines.error());
    auto refreshes = Timer::create(loop_, [this] { refresh(); });
    if (!refreshes) return tl::unexpected<Error>(refreshes.error());
    auto folder_watch = FolderWatch::create(loop_, file_->place().name,
                                            {[this] { refresh(); }, [this](std::string why) { watch_lost(why); }});
    if (!folder_watch) return tl::unexpected<Error>(folder_watch.error());
    deadline_timer_ = std::move(*deadlines);
    refresh_timer_ = std::move(*refreshes);
    folder_watch_ = std::move(*folder_watch);
    if (auto watched = loop_.watch((*mailbox)->fd(), EPOLLIN, [this](std::uint32_t) { deliver(); }); !watched) {
        return watched;
    }
    mailbox_ = std::move(*mailbox);
    // Before any request of ours makes another temporary file. Nobody waits for it.
    const Work clean = [file = file_](DiskRequest& self) {
        remove_leftovers(file->place().folder, file->place().name);
        self.answer(WatchAnswer{});
        return true;
    };
    submit(clean, rhythm_.read_timeout, WatchAnswer{}, [](const DiskAnswer&) {});
    return {};
}

FileStore::~FileStore() {
    *alive_ = false;
    for (auto& [id, pending] : pending_) pending.request->give_up();
    if (mailbox_) loop_.unwatch(mailbox_->fd());
}

void FileStore::read(Duration timeout, ReadCallback done) {
    const Work work = [file = file_](DiskRequest& self) { return self.answer(file->read()), true; };
    submit(work, timeout, late_read(),
           [done = std::move(done)](DiskAnswer answer) { done(std::get<ReadOutcome>(std::move(answer))); });
}

void FileStore::write(WriteRequest request, Duration timeout, WriteCallback done) {
    // Made by the first run, on the worker's thread, and freed there: it may hold open files.
    std::shared_ptr<FileWrite> under_way;
    const Work work = [file = file_, request = std::move(request), under_way](DiskRequest& self) mutable {
        if (!under_way) under_way = std::make_shared<FileWrite>(*file, request, [&self] { return self.given_up(); });
        auto outcome = under_way->advance();
        if (!outcome) return false;
        self.answer(std::move(*outcome));
        under_way->settle();
        return true;
    };
    submit(work, timeout, late_write(),
           [done = std::move(done)](DiskAnswer answer) { done(std::get<WriteOutcome>(std::move(answer))); });
}

void FileStore::submit(Work work, Duration timeout, DiskAnswer when_late, AnswerCallback done) {
    const std::uint64_t id = ++last_id_;
    const Instant deadline = now() + std::min<Duration>(timeout, std::chrono::hours(24));
    auto request = std::make_shared<DiskRequest>(id, deadline, mailbox_, std::move(work));
    DiskAnswer if_stalled =
        failed_like(when_late, "io_stalled", "the disk is stuck with earlier requests; nothing more is sent to it");
    pending_.emplace(id, Pending{deadline, std::move(when_late), std::move(done), request});
    set_deadline();
    if (!worker_.post(std::move(request))) mailbox_->put(id, std::move(if_stalled));
}

void FileStore::deliver() {
    const std::shared_ptr<bool> alive = alive_;
    for (DiskMailbox::Letter& letter : mailbox_->take()) {
        const auto found = pending_.find(letter.id);
        if (found == pending_.end()) continue;  // too late: answered already
        const AnswerCallback done = std::move(found->second.done);
        pending_.erase(found);
        done(std::move(letter.answer));
        if (!*alive) return;
    }
    set_deadline();
}

void FileStore::expire() {
    const Instant at = now();
    for (auto& [id, pending] : pending_) {
        if (!reached_on_any_clock(pending.deadline, at) || pending.request->was_given_up()) continue;
        if (pending.request->waits_for_lock()) {
            auto& why = std::get<WriteOutcome>(pending.when_late).detail;
            why = "someone else held the lock " + file_->place().path + ".lock all the time";
        }
        pending.request->give_up();
        worker_.unblock(pending.request);
        mailbox_->put(id, pending.when_late);
    }
    set_deadline();
}

void FileStore::set_deadline() {
    std::optional<Duration> next;
    const Instant at = now();
    for (const auto& [id, pending] : pending_) {
        if (pending.request->was_given_up()) continue;  // its answer is on its way
        const Duration left = left_on_any_clock(pending.deadline, at);
        next = next ? std::min(*next, left) : left;
    }
    if (next) {
        deadline_timer_->arm_in(*next);
    } else {
        deadline_timer_->disarm();
    }
}

void FileStore::watch(Watcher watcher) {
    watcher_ = std::move(watcher);
    refresh();
}

void FileStore::refresh() {
    if (refreshing_) {
        refresh_again_ = true;
        return;
    }
    refreshing_ = true;
    refresh_again_ = false;
    refresh_timer_->disarm();
    // Arming comes before reading, so that nothing can happen unseen in between.
    const Work work = [file = file_, inotify = folder_watch_->handle()](DiskRequest& self) {
        WatchAnswer answer;
        answer.armed = FolderWatch::arm(inotify, file->place().folder);
        answer.found = file->read();
        self.answer(std::move(answer));
        return true;
    };
    submit(work, rhythm_.read_timeout, WatchAnswer{{}, late_read()},
           [this](DiskAnswer answer) { refreshed(std::get<WatchAnswer>(std::move(answer))); });
}

void FileStore::refreshed(WatchAnswer answer) {
    refreshing_ = false;
    folder_watch_->armed(answer.armed);
    const bool read = answer.found.status == ReadStatus::ok;
    refresh_timer_->arm_in(read && folder_watch_->is_armed() ? rhythm_.reread : rhythm_.rearm);
    if (refresh_again_) refresh();

    const std::shared_ptr<bool> alive = alive_;
    if (!read) {
        report_broken(answer.found.reason + ": " + answer.found.detail);
        return;
    }
    if (!folder_watch_->is_armed()) {
        const std::string text = std::generic_category().message(answer.armed.code);
        report_broken("inotify: the folder cannot be watched: " + text);
        if (!*alive) return;
    } else {
        broken_ = false;
    }
    if (reported_ == answer.found.snapshot) return;
    reported_ = answer.found.snapshot;
    if (watcher_.seen) watcher_.seen(std::move(answer.found.snapshot));
}

void FileStore::watch_lost(std::string reason) {
    // Said from deliver(), where a callback may destroy the store: as the answer to a request that needs no disk.
    const std::uint64_t id = ++last_id_;
    auto nothing = std::make_shared<DiskRequest>(id, now(), mailbox_, nullptr);
    nothing->give_up();
    pending_.emplace(id, Pending{now(), WatchAnswer{}, [this, reason](const DiskAnswer&) { report_broken(reason); },
                                 std::move(nothing)});
    mailbox_->put(id, WatchAnswer{});
    refresh();
}

void FileStore::report_broken(std::string reason) {
    if (std::exchange(broken_, true)) return;
    if (watcher_.broken) watcher_.broken(std::move(reason));
}

}  // namespace leasehold::stores
