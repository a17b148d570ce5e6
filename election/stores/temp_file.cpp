// SPDX-License-Identifier: Apache-2.0
#include "election/stores/temp_file.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

namespace leasehold::stores {
namespace {

constexpr std::string_view kSuffix = ".tmp";
constexpr mode_t kMode = 0644;

std::string next_name(const std::string& record_name, const std::string& writer) {
    static std::atomic<std::uint64_t> counter{0};  // several stores of one process may share a writer name
    return fmt::format("{}.{}.{}-{}{}", record_name, writer, getpid(), ++counter, kSuffix);
}

// Opened, locked, and certainly still under its name; nothing when a cleaner was faster between opening and locking.
IoResult<UniqueFd> make_locked(int folder, const std::string& name) {
    UniqueFd file(openat(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
    if (!file && errno == EEXIST) return UniqueFd();
    if (!file) return io_failure("create " + name, errno);
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return UniqueFd();
        return io_failure("lock " + name, errno);
    }
    struct stat about {};
    if (fstat(file.get(), &about) != 0) return io_failure("look at " + name, errno);
    if (about.st_nlink == 0) return UniqueFd();
    return file;
}

}  // namespace

IoResult<TempFile> TempFile::create(int folder, const std::string& record_name, const std::string& writer,
                                    std::string_view text) {
    constexpr int kAttempts = 10;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        std::string name = next_name(record_name, writer);
        auto file = make_locked(folder, name);
        if (!file) return tl::unexpected<IoFailure>(file.error());
        if (!*file) continue;
        TempFile made(folder, std::move(name), std::move(*file));
        const int fd = made.file_.get();
        if (fchmod(fd, kMode) != 0) return io_failure("set the mode of " + made.name_, errno);
        const auto ready = write_at_start(fd, text, made.name_).and_then([&] { return sync(fd, made.name_); });
        if (!ready) return tl::unexpected<IoFailure>(ready.error());
        return made;
    }
    return io_failure("create a temporary file beside " + record_name, EEXIST);
}

TempFile::TempFile(TempFile&& other) noexcept
    : folder_(other.folder_), name_(std::exchange(other.name_, {})), file_(std::move(other.file_)) {}

TempFile::~TempFile() {
    // What cannot be deleted now is deleted at the next start.
    if (!name_.empty()) static_cast<void>(unlinkat(folder_, name_.c_str(), 0));
}

IoResult<void> TempFile::become(const std::string& record_name) {
    if (renameat(folder_, name_.c_str(), folder_, record_name.c_str()) != 0) {
        return io_failure("rename " + name_ + " to " + record_name, errno);
    }
    name_.clear();
    return {};
}

int remove_leftovers(const std::string& folder, const std::string& record_name) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder.c_str()), closedir);
    if (!entries) return 0;
    const int at = dirfd(entries.get());
    const std::string prefix = record_name + ".";
    int removed = 0;
    while (const dirent* entry = readdir(entries.get())) {
        const std::string name(static_cast<const char*>(entry->d_name));
        if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) continue;
        const UniqueFd file(openat(at, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        if (!file || flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
        if (still_names(at, name, file.get()) && unlinkat(at, name.c_str(), 0) == 0) ++removed;
    }
    return removed;
}

}  // namespace leasehold::stores
