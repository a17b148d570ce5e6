// SPDX-License-Identifier: Apache-2.0
#include "election/stores/lock_file.h"

#include <array>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <fmt/core.h>

#include "election/stores/digest.h"

namespace leasehold::stores {
namespace {

constexpr std::string_view kMagic = "leasehold-lock 1 ";
constexpr std::size_t kTextLimit = 4096;
constexpr mode_t kMode = 0644;

std::string body_of(const LockState& state) {
    return fmt::format("{}witness={} committed={:020} intent={:020}", kMagic, state.witness ? 1 : 0, state.committed,
                       state.intent);
}

// umask(2) must not decide who may read what the group's other candidates depend on.
IoResult<void> set_mode(int file, const std::string& name) {
    if (fchmod(file, kMode) != 0) return io_failure("set the mode of " + name, errno);
    return {};
}

}  // namespace

std::string format_lock_state(const LockState& state) {
    const std::string body = body_of(state);
    return fmt::format("{} check={:016x}\n", body, digest(body));
}

std::optional<LockState> parse_lock_state(std::string_view text) {
    const auto value_of = [&](std::string_view key) {
        std::uint64_t value = 0;
        const std::size_t at = text.find(key);
        if (at != std::string_view::npos) {
            std::from_chars(text.data() + at + key.size(), text.data() + text.size(), value);
        }
        return value;
    };
    LockState state;
    state.witness = value_of(" witness=") != 0;
    state.committed = value_of(" committed=");
    state.intent = value_of(" intent=");
    // There is one text for each state; anything else, a wrong checksum included, is damage.
    if (format_lock_state(state) != text) return std::nullopt;
    return state;
}

bool looks_like_lock_file(std::string_view text) { return text.empty() || text.starts_with("leasehold-lock"); }

IoResult<std::optional<LockState>> peek_lock_state(int folder, const std::string& lock_name) {
    constexpr int kAttempts = 5;  // a reader may catch a writer in the middle of the line
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        auto found = read_text(folder, lock_name, kTextLimit);
        if (!found) return tl::unexpected<IoFailure>(found.error());
        if (!found->exists) return std::nullopt;
        if (auto state = parse_lock_state(found->text)) return state;
        sched_yield();
    }
    return std::nullopt;
}

IoResult<std::optional<LockFile>> LockFile::try_lock(int folder, const std::string& lock_name) {
    constexpr int kAttempts = 5;  // somebody may delete the file while it is being locked
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
        UniqueFd file(openat(folder, lock_name.c_str(), kFlags, kMode));
        if (!file) return io_failure("open " + lock_name, errno);
        if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK || errno == EINTR) return std::nullopt;
            return io_failure("lock " + lock_name, errno);
        }
        LockFile lock(std::move(file), lock_name);
        if (lock.still_in_place(folder)) return lock;
    }
    return std::nullopt;
}

IoResult<std::optional<LockState>> LockFile::read() const {
    std::array<char, kTextLimit> buffer{};
    const ssize_t got = pread(file_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return io_failure("read " + name_, errno);
    const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    return parse_lock_state(text);
}

IoResult<void> LockFile::write(const LockState& state) const {
    const std::string text = format_lock_state(state);
    if (auto written = write_at_start(file_.get(), text, name_); !written) return written;
    struct stat about {};
    if (fstat(file_.get(), &about) != 0) return io_failure("look at " + name_, errno);
    if (about.st_size == static_cast<off_t>(text.size())) return {};
    // Somebody else's edit, longer than ours.
    if (ftruncate(file_.get(), static_cast<off_t>(text.size())) != 0) return io_failure("truncate " + name_, errno);
    return {};
}

IoResult<void> LockFile::sync() const {
    if (fdatasync(file_.get()) != 0) return io_failure("sync " + name_ + " to disk", errno);
    return {};
}

void LockFile::unlock() {
    // Cannot fail on a descriptor that holds the lock; closing it would unlock as well.
    static_cast<void>(flock(file_.get(), LOCK_UN));
}

IoResult<bool> create_lock_file(int folder, const std::string& lock_name, bool witness) {
    const UniqueFd file(openat(folder, lock_name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kMode));
    if (!file && errno == EEXIST) return false;
    if (!file) return io_failure("create " + lock_name, errno);
    LockState state;
    state.witness = witness;
    const auto remove_again = [&](const IoFailure& why) {
        static_cast<void>(unlinkat(folder, lock_name.c_str(), 0));
        return tl::unexpected<IoFailure>(why);
    };
    if (auto set = set_mode(file.get(), lock_name); !set) return remove_again(set.error());
    const auto written = write_at_start(file.get(), format_lock_state(state), lock_name);
    if (!written) return remove_again(written.error());
    return true;
}

}  // namespace leasehold::stores
