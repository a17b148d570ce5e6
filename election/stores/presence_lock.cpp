// SPDX-License-Identifier: Apache-2.0
#include "election/stores/presence_lock.h"

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "election/stores/digest.h"

namespace leasehold::stores {
namespace {

struct flock one_byte(short type, std::uint64_t byte) {
    constexpr std::uint64_t kHighest = (std::uint64_t{1} << 62) - 1;  // offsets are signed
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(byte & kHighest);
    lock.l_len = 1;
    return lock;
}

IoResult<bool> someone_holds(int folder, std::uint64_t byte, const std::string& name) {
    struct flock question = one_byte(F_WRLCK, byte);
    if (fcntl(folder, F_OFD_GETLK, &question) != 0) return io_failure("ask for locks on folder " + name, errno);
    return question.l_type != F_UNLCK;
}

bool lock_for_starting(int folder, Duration patience) {
    const Instant begin = now();
    while (flock(folder, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return false;
        if (elapsed_at_most(begin, now()) >= patience) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

}  // namespace

// The topmost folder on the same device, and where the record is below it. An empty folder name when there is none
// above, or when nobody can tell.
PresenceLock::Spot PresenceLock::mount_spot(const FilePlace& place) {
    const std::unique_ptr<char, void (*)(void*)> resolved(realpath(place.folder.c_str(), nullptr), std::free);
    struct stat about {};
    if (!resolved || stat(resolved.get(), &about) != 0) return {};
    const std::string real(resolved.get());
    std::string top = real;
    while (top != "/") {
        const std::size_t slash = top.rfind('/');
        const std::string above = slash == 0 ? "/" : top.substr(0, slash);
        struct stat about_above {};
        if (stat(above.c_str(), &about_above) != 0 || about_above.st_dev != about.st_dev) break;
        top = above;
    }
    if (top == real) return {};
    return {top, digest(real.substr(top.size()) + "/" + place.name)};
}

IoResult<PresenceLock> PresenceLock::begin(const FilePlace& place, Duration patience) {
    PresenceLock lock;
    for (UniqueFd* fd : {&lock.starting_, &lock.folder_}) {
        auto opened = open_folder(place.folder);
        if (!opened) return tl::unexpected<IoFailure>(opened.error());
        *fd = std::move(*opened);
    }
    // Without it others may be starting at this very moment: then nobody counts as alone.
    const bool exclusive = lock_for_starting(lock.starting_.get(), patience);
    lock.folder_byte_ = digest(place.name);
    const auto in_folder = someone_holds(lock.folder_.get(), lock.folder_byte_, place.folder);
    if (!in_folder) return tl::unexpected<IoFailure>(in_folder.error());
    lock.alone_ = exclusive && !*in_folder;

    const Spot spot = mount_spot(place);
    if (spot.folder.empty()) return lock;
    auto mount = open_folder(spot.folder);
    if (!mount) {  // not ours to read: nobody can be seen there, so nobody counts as alone
        lock.alone_ = false;
        return lock;
    }
    lock.mount_ = std::move(*mount);
    lock.mount_byte_ = spot.byte;
    const auto on_mount = someone_holds(lock.mount_.get(), lock.mount_byte_, spot.folder);
    if (!on_mount) return tl::unexpected<IoFailure>(on_mount.error());
    lock.alone_ = lock.alone_ && !*on_mount;
    return lock;
}

IoResult<void> PresenceLock::show() {
    const auto take = [](const UniqueFd& folder, std::uint64_t byte) -> IoResult<void> {
        const struct flock lock = one_byte(F_RDLCK, byte);
        if (folder && fcntl(folder.get(), F_OFD_SETLK, &lock) != 0) return io_failure("lock the folder", errno);
        return {};
    };
    return take(folder_, folder_byte_).and_then([&] { return take(mount_, mount_byte_); });
}

}  // namespace leasehold::stores
