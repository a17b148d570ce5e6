// SPDX-License-Identifier: Apache-2.0
#include "election/stores/watched_file.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

namespace leasehold::stores {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;

}  // namespace

Result<std::string> read_small_file(const std::string& path) {
    // A FIFO or a terminal must not hold us up.
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file) return system_failure("cannot open " + path);
    struct stat about {};
    if (fstat(file.get(), &about) != 0) return system_failure("cannot look at " + path);
    if (S_ISDIR(about.st_mode)) return failure(path + " is a folder, not a file");
    if (!S_ISREG(about.st_mode)) return failure(path + " is no regular file");
    std::string text;
    std::array<char, 16384> buffer{};
    while (text.size() <= kMostBytes) {
        const ssize_t got = read(file.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_failure("cannot read " + path);
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return failure(path + " is larger than 1 MiB");
}

std::optional<WatchedFile::Signature> WatchedFile::signature_of(const std::string& path) {
    struct stat about {};
    if (stat(path.c_str(), &about) != 0) return std::nullopt;
    return Signature{about.st_dev, about.st_ino, about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
}

void WatchedFile::check(bool whatever) {
    // Taken before the reading: what is written meanwhile makes another one next time.
    const std::optional<Signature> found = signature_of(path_);
    if (!whatever && found && found == read_as_ && problem_.empty()) return;
    read_as_ = found;
    auto text = read_small_file(path_);
    if (!text) {
        problem_ = text.error().message;
        return;
    }
    auto accepted = accept_(*text);
    if (!accepted) {
        problem_ = path_ + " " + accepted.error().message;
        return;
    }
    value_ = std::move(*accepted);
    problem_.clear();
}

}  // namespace leasehold::stores
