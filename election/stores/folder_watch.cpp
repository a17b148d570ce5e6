// SPDX-License-Identifier: Apache-2.0
#include "election/stores/folder_watch.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace leasehold::stores {
namespace {

// Not IN_MODIFY: a log that grows in the same folder would wake us with every line. Who edits a record by hand closes
// it.
constexpr std::uint32_t kOfTheName = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE;
constexpr std::uint32_t kOfTheFolder = IN_DELETE_SELF | IN_MOVE_SELF;

// What a batch of events amounts to.
struct Digest {
    bool changed = false;
    bool folder_gone = false;
    bool overflow = false;
};

void take_in(const inotify_event& event, const char* event_name, int watch, const std::string& name, Digest& digest) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) digest.overflow = true;
    if (event.wd != watch) return;  // of a folder that is not the one any more
    if ((event.mask & (IN_IGNORED | IN_UNMOUNT | kOfTheFolder)) != 0) digest.folder_gone = true;
    if ((event.mask & kOfTheName) != 0 && event.len > 0 && name == event_name) digest.changed = true;
}

}  // namespace

Result<std::unique_ptr<FolderWatch>> FolderWatch::create(EventLoop& loop, std::string name, Callbacks callbacks) {
    auto inotify = std::make_shared<const UniqueFd>(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!*inotify) return system_failure("inotify_init1 (see the limits in /proc/sys/fs/inotify)");
    std::unique_ptr<FolderWatch> made(new FolderWatch(loop, std::move(inotify), std::move(name), std::move(callbacks)));
    const auto watched =
        loop.watch(made->inotify_->get(), EPOLLIN, [raw = made.get()](std::uint32_t) { raw->drain(); });
    if (!watched) return tl::unexpected<Error>(watched.error());
    return made;
}

FolderWatch::~FolderWatch() { loop_.unwatch(inotify_->get()); }

FolderWatch::Armed FolderWatch::arm(const Handle& inotify, const std::string& folder) {
    const int watch = inotify_add_watch(inotify->get(), folder.c_str(), kOfTheName | kOfTheFolder | IN_ONLYDIR);
    return {watch, watch < 0 ? errno : 0};
}

bool FolderWatch::armed(const Armed& result) {
    if (result.watch == watch_) return false;
    // Fails when the kernel has removed it already, which is as good.
    if (watch_ >= 0) static_cast<void>(inotify_rm_watch(inotify_->get(), watch_));
    watch_ = result.watch;
    return true;
}

void FolderWatch::drain() {
    Digest digest;
    alignas(inotify_event) std::array<char, 16 * 1024> buffer;
    while (true) {
        const ssize_t got = read(inotify_->get(), buffer.data(), buffer.size());
        if (got <= 0) break;  // EAGAIN: nothing is left
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            inotify_event event;
            std::memcpy(&event, buffer.data() + at, sizeof event);
            take_in(event, buffer.data() + at + sizeof event, watch_, name_, digest);
            at += sizeof event + event.len;
        }
    }
    if (digest.folder_gone) static_cast<void>(armed({-1, 0}));
    if (digest.folder_gone) return callbacks_.lost("the folder was deleted, moved or unmounted");
    if (digest.overflow) return callbacks_.lost("changes came faster than they were taken in");
    if (digest.changed) callbacks_.changed();
}

}  // namespace leasehold::stores
