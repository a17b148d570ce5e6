// SPDX-License-Identifier: Apache-2.0
//
// The file store as its event loop sees it; file_store.h is what others include. Threads, blocking, ownership: store.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/event_loop.h"
#include "election/stores/disk_worker.h"
#include "election/stores/folder_watch.h"
#include "election/stores/register_file.h"
#include "election/stores/store.h"

namespace leasehold::stores {

// The answer to one request to the disk.
struct WatchAnswer {
    FolderWatch::Armed armed;
    election::ReadOutcome found;
};
using DiskAnswer = std::variant<election::ReadOutcome, election::WriteOutcome, WatchAnswer>;

class DiskMailbox;
class DiskRequest;

class FileStore : public Store {
public:
    // How often the file is read although nothing was noticed, and how often while the folder cannot be watched.
    struct Rhythm {
        Duration reread = std::chrono::seconds(5);
        Duration rearm = std::chrono::milliseconds(500);
        Duration read_timeout = std::chrono::seconds(5);  // of the reads made for the watch
    };

    static Result<std::unique_ptr<FileStore>> open(EventLoop& loop, std::shared_ptr<RegisterFile> file, Rhythm rhythm);
    ~FileStore() override;

    void read(Duration timeout, ReadCallback done) override;
    void write(WriteRequest request, Duration timeout, WriteCallback done) override;
    void watch(Watcher watcher) override;
    std::string describe() const override { return "file " + file_->place().path; }

private:
    using AnswerCallback = std::function<void(DiskAnswer)>;
    using Work = std::function<bool(DiskRequest&)>;  // see disk_mailbox.h
    struct Pending {
        Instant deadline;
        DiskAnswer when_late;
        AnswerCallback done;
        std::shared_ptr<DiskRequest> request;
    };

    FileStore(EventLoop& loop, std::shared_ptr<RegisterFile> file, Rhythm rhythm)
        : loop_(loop), file_(std::move(file)), rhythm_(rhythm) {}
    Result<void> start();

    void submit(Work work, Duration timeout, DiskAnswer when_late, AnswerCallback done);
    void deliver();       // answers that have come; the only place from which users' callbacks are called
    void expire();        // requests whose time is up
    void set_deadline();  // for the request whose time is up next

    void refresh();  // for the watch: arm, read, report
    void refreshed(WatchAnswer answer);
    void watch_lost(std::string reason);
    void report_broken(std::string reason);

    EventLoop& loop_;
    const std::shared_ptr<RegisterFile> file_;
    const Rhythm rhythm_;
    std::shared_ptr<DiskMailbox> mailbox_;
    DiskWorker worker_;
    std::uint64_t last_id_ = 0;
    std::map<std::uint64_t, Pending> pending_;
    std::unique_ptr<Timer> deadline_timer_;

    Watcher watcher_;
    std::unique_ptr<FolderWatch> folder_watch_;
    std::unique_ptr<Timer> refresh_timer_;
    bool refreshing_ = false;
    bool refresh_again_ = false;
    bool broken_ = false;  // said so, and not well since
    std::optional<election::Snapshot> reported_;

    const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false when a callback has destroyed the store
};

}  // namespace leasehold::stores
