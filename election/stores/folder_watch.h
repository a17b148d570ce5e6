// SPDX-License-Identifier: Apache-2.0
//
// inotify(7) on a folder, for one name in it. The folder is watched and not the file, because every write puts another
// file under the name.
//
// Threads: the loop's, but for arm(), which looks the path up on the disk and so belongs on a worker's thread. The
// callbacks come from the loop and may destroy the watch only when they return right after.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"

namespace leasehold::stores {

class FolderWatch {
public:
    struct Callbacks {
        std::function<void()> changed;                 // something happened to the name
        std::function<void(std::string reason)> lost;  // something may have been missed; arm again
    };

    static Result<std::unique_ptr<FolderWatch>> create(EventLoop& loop, std::string name, Callbacks callbacks);
    ~FolderWatch();
    FolderWatch(const FolderWatch&) = delete;
    FolderWatch& operator=(const FolderWatch&) = delete;

    // Blocking, from any thread, also when the FolderWatch is gone already. Watches what is at the path now, which may
    // be the same folder as before. Returns the descriptor of the watch for armed(), or -1 and an error number.
    struct Armed {
        int watch = -1;
        int code = 0;
    };
    using Handle = std::shared_ptr<const UniqueFd>;
    static Armed arm(const Handle& inotify, const std::string& folder);
    const Handle& handle() const { return inotify_; }

    // On the loop: what arm() returned is the watch from now on. True when it is another one than before.
    bool armed(const Armed& result);
    bool is_armed() const { return watch_ >= 0; }

private:
    FolderWatch(EventLoop& loop, Handle inotify, std::string name, Callbacks callbacks)
        : loop_(loop), inotify_(std::move(inotify)), name_(std::move(name)), callbacks_(std::move(callbacks)) {}
    void drain();

    EventLoop& loop_;
    const Handle inotify_;
    const std::string name_;
    const Callbacks callbacks_;
    int watch_ = -1;
};

}  // namespace leasehold::stores
