// SPDX-License-Identifier: Apache-2.0
//
// What is done about a file store before anything is started: the preflight, and `leasehold init`.
#include <cerrno>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/clock.h"
#include "election/stores/file_store.h"
#include "election/stores/lock_file.h"
#include "election/stores/network_fs.h"
#include "election/stores/presence_lock.h"
#include "election/stores/record_json.h"
#include "election/stores/register_file.h"

namespace leasehold::stores {
namespace {

using election::Presence;

constexpr Duration kPatience = std::chrono::seconds(1);  // with another candidate that is starting

tl::unexpected<Error> refused(const IoFailure& why) { return failure("file store: " + why.detail); }

std::string text_of(int code) { return std::generic_category().message(code); }

Result<void> check_path(const std::string& path) {
    if (!path.starts_with('/')) {
        return failure(fmt::format("file store: path '{}' is not absolute; begin it with '/'", path));
    }
    if (path.find('\0') != std::string::npos || path.find('\n') != std::string::npos) {
        return failure("file store: the path has a line break or a zero byte in it");
    }
    const FilePlace place(path);
    if (place.name.empty() || place.name == "." || place.name == "..") {
        return failure(fmt::format("file store: path '{}' names a folder; add the name of a file in it", path));
    }
    constexpr std::size_t kRoomForSuffixes = 100;  // of the lock file and of temporary files
    if (place.name.size() + kRoomForSuffixes > NAME_MAX) {
        return failure(fmt::format("file store: the file name in '{}' is too long; at most {} bytes", path,
                                   NAME_MAX - kRoomForSuffixes));
    }
    return {};
}

Result<void> check_folder(const std::string& folder) {
    struct stat about {};
    if (stat(folder.c_str(), &about) != 0) {
        const int code = errno;
        if (code == ENOENT) {
            return failure(fmt::format("file store: folder {0} does not exist; make it with: mkdir -p {0}", folder));
        }
        return failure(fmt::format("file store: cannot look at folder {}: {}", folder, text_of(code)), code);
    }
    if (!S_ISDIR(about.st_mode)) {
        return failure(fmt::format("file store: {} is not a folder; choose another election.store.file.path", folder));
    }
    struct statfs system {};
    if (statfs(folder.c_str(), &system) != 0) return system_failure("file store: statfs " + folder);
    if (const auto kind = network_file_system(static_cast<std::uint64_t>(system.f_type))) {
        return failure(
            fmt::format("file store: {} is on a network or user-space file system ({}), where locks cannot "
                        "be relied on; choose a path on a local disk",
                        folder, *kind));
    }
    if (faccessat(AT_FDCWD, folder.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
        const int code = errno;
        const char* advice = code == EROFS ? "mount it writable" : "give that user the right to read and write there";
        return failure(fmt::format("file store: user {} cannot write to folder {}: {}; {}, or choose another "
                                   "election.store.file.path",
                                   geteuid(), folder, text_of(code), advice),
                       code);
    }
    return {};
}

// What a stranger's file looks like, for the message that refuses it.
std::string beginning_of(const std::string& text) {
    constexpr std::size_t kShown = 24;
    std::string shown;
    for (const char c : text.substr(0, kShown)) shown += (c >= ' ' && c <= '~') ? c : '.';
    return fmt::format("\"{}{}\"", shown, text.size() > kShown ? "..." : "");
}

Result<void> check_record(const FilePlace& place, const FileText& found) {
    if (!found.exists) return {};
    const DecodedRecord decoded = found.problem.empty() ? decode_record(found.text) : DecodedRecord();
    std::string what;
    if (!found.problem.empty()) {
        what = found.problem;
    } else if (found.text.empty()) {
        what = "it is empty";
    } else if (decoded.presence == Presence::unreadable) {
        what = decoded.problem + "; it begins with " + beginning_of(found.text);
    } else {
        return {};
    }
    return failure(
        fmt::format("file store: {0} is not a lease record: {1}. If it belongs to something else, choose "
                    "another election.store.file.path; if it is a damaged record, make sure that no "
                    "candidate is running, move it away (mv {0} {0}.damaged) and run `leasehold init`",
                    place.path, what));
}

Result<void> check_lock_file(const FilePlace& place, int folder) {
    const auto found = read_text(folder, place.lock_name, 4096);
    if (!found) return refused(found.error());
    if (!found->exists) return {};
    if (!found->problem.empty() || !looks_like_lock_file(found->text)) {
        const std::string what =
            !found->problem.empty() ? found->problem : "it begins with " + beginning_of(found->text);
        return failure(
            fmt::format("file store: {}.lock is not a lock file of leasehold: {}; move it away or choose "
                        "another election.store.file.path",
                        place.path, what));
    }
    const UniqueFd writable(openat(folder, place.lock_name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (writable) return {};
    const int code = errno;
    return failure(fmt::format("file store: user {} cannot write to {}.lock: {}; run all candidates as the same user, "
                               "or give that one the right to write to it",
                               geteuid(), place.path, text_of(code)),
                   code);
}

struct Preflight {
    FileStorePrepared prepared;
    bool alone = false;  // no other candidate was alive
};

// The lock file is never renamed or deleted by us, so it stands for the lock. Its inode's number may be used again once
// somebody else has deleted it; folder, name and when it was made (as exact as a tick of the kernel's) tell the two
// apart. A file system that does not know the latter gives each start a lock of its own: leftovers of earlier ones are
// not found then, but nobody else's process is mistaken for one.
Result<std::string> name_lock(int folder, const FilePlace& place) {
    struct stat around {};
    struct statx about {};
    if (fstat(folder, &around) != 0 ||
        statx(folder, place.lock_name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &about) != 0) {
        return system_failure("file store: cannot look at " + place.lock_name);
    }
    std::string made = fmt::format("{}.{:09}", about.stx_btime.tv_sec, about.stx_btime.tv_nsec);
    if ((about.stx_mask & STATX_BTIME) == 0) {
        std::uint64_t random = 0;
        if (getrandom(&random, sizeof random, 0) != sizeof random) return system_failure("getrandom");
        made = fmt::format("unknown-{:016x}", random);
    }
    return fmt::format("file:{}:{}:{}:{}:{}", around.st_dev, around.st_ino, about.stx_ino, made, place.name);
}

Result<Preflight> preflight(const FileOptions& options) {
    if (auto fine = check_path(options.path); !fine) return tl::unexpected<Error>(fine.error());
    const FilePlace place(options.path);
    if (auto fine = check_folder(place.folder); !fine) return tl::unexpected<Error>(fine.error());
    auto presence = PresenceLock::begin(place, kPatience);
    if (!presence) return refused(presence.error());
    const auto folder = open_folder(place.folder);
    if (!folder) return refused(folder.error());

    const auto record = read_text(folder->get(), place.name, kRecordTextLimit);
    if (!record) return refused(record.error());
    if (auto fine = check_record(place, *record); !fine) return tl::unexpected<Error>(fine.error());
    if (auto fine = check_lock_file(place, folder->get()); !fine) return tl::unexpected<Error>(fine.error());
    // Shown before anything can be written, so that nobody who starts later overlooks us.
    if (auto shown = presence->show(); !shown) return refused(shown.error());
    const bool witness = presence->alone() && !record->exists;
    if (auto made = create_lock_file(folder->get(), place.lock_name, witness); !made) return refused(made.error());

    auto lock_id = name_lock(folder->get(), place);
    if (!lock_id) return tl::unexpected<Error>(lock_id.error());
    Preflight result;
    result.alone = presence->alone();
    result.prepared.lock_id = std::move(*lock_id);
    result.prepared.presence = presence->take_folder();
    result.prepared.mount_presence = presence->take_mount();
    return result;
}

std::string already_there(const FilePlace& place, const election::Record& record) {
    if (record.released) return fmt::format("{} is there already and is free; nothing was changed", place.path);
    if (record.holder.empty()) {
        return fmt::format(
            "{} is there already, without a holder and without a mark that it was released; nothing was "
            "changed, and candidates will wait a full lease duration",
            place.path);
    }
    return fmt::format("{} is there already and is held by {}; nothing was changed", place.path, record.holder);
}

election::WriteOutcome write_blocking(RegisterFile& file, const WriteRequest& request) {
    constexpr Duration kLimit = std::chrono::seconds(5);
    const Instant begin = now();
    FileWrite write(file, request, [&] { return elapsed_at_most(begin, now()) >= kLimit; });
    while (true) {
        if (auto outcome = write.advance()) {
            write.settle();
            return *outcome;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

}  // namespace

Result<FileStorePrepared> prepare_file_store(const FileOptions& options) {
    auto done = preflight(options);
    if (!done) return tl::unexpected<Error>(done.error());
    return std::move(done->prepared);
}

Result<std::string> init_file_store(const FileOptions& options, Duration lease_duration) {
    const auto ready = preflight(options);
    if (!ready) return tl::unexpected<Error>(ready.error());
    RegisterFile file(FilePlace(options.path), "init");
    const FilePlace& place = file.place();
    const auto found = file.read();
    if (found.status != election::ReadStatus::ok) return failure("file store: " + found.detail);
    const election::Snapshot& snapshot = found.snapshot;
    if (snapshot.presence != Presence::absent) return already_there(place, snapshot.record);
    // A record that a living holder wrote and somebody deleted must not come back as free.
    if (!snapshot.never_written && !ready->alone) {
        return failure(
            fmt::format("file store: {} is missing, but candidates are running, one of which may hold it; "
                        "it will write it again, or else the lease will run out. Nothing was changed",
                        place.path));
    }
    using std::chrono::microseconds;
    const auto wall = std::chrono::duration_cast<microseconds>(wall_now().time_since_epoch());
    WriteRequest request;
    request.expect_absent = true;
    request.record = make_released_record(lease_duration, wall.count());
    const auto written = write_blocking(file, request);
    if (written.status == election::WriteStatus::applied) {
        return fmt::format("{} was made, free for the first candidate", place.path);
    }
    if (written.status == election::WriteStatus::conflict) {
        return fmt::format("{} was made by a candidate in this very moment; nothing was changed", place.path);
    }
    return failure("file store: cannot write " + place.path + ": " + written.detail);
}

}  // namespace leasehold::stores
