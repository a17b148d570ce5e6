// SPDX-License-Identifier: Apache-2.0
#include "election/stores/file_io.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/result.h"

namespace leasehold::stores {
namespace {

struct Meaning {
    const char* reason;
    const char* advice;
};

Meaning meaning_of(int code) {
    switch (code) {
        case ENOSPC:
        case EDQUOT: return {"no_space", "; free some space there"};
        case EROFS: return {"read_only", "; mount it writable"};
        case EACCES:
        case EPERM: return {"permission", "; give this user the right to write to the folder and the files in it"};
        case ENOENT:
        case ENOTDIR: return {"no_folder", "; make the folder again"};
        case EMFILE:
        case ENFILE: return {"too_many_files", "; raise the limit of open files"};
        default: return {"io", ""};
    }
}

const char* kind_problem(mode_t mode) {
    if (S_ISDIR(mode)) return "it is a folder";
    if (S_ISLNK(mode)) return "it is a symbolic link";
    if (S_ISFIFO(mode)) return "it is a FIFO";
    if (S_ISSOCK(mode)) return "it is a socket";
    return "it is a device";
}

bool is_same(const struct stat& one, int file) {
    struct stat other {};
    return fstat(file, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

}  // namespace

tl::unexpected<IoFailure> io_failure(const std::string& doing, int code) {
    const Meaning meaning = meaning_of(code);
    const std::string text = std::generic_category().message(code);
    return tl::unexpected<IoFailure>(IoFailure{meaning.reason, "cannot " + doing + ": " + text + meaning.advice});
}

FilePlace::FilePlace(const std::string& absolute_path) : path(absolute_path) {
    const std::size_t slash = path.rfind('/');
    name = path.substr(slash + 1);
    folder = slash == 0 ? "/" : path.substr(0, slash);
    lock_name = name + ".lock";
}

IoResult<UniqueFd> open_folder(const std::string& folder) {
    UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return io_failure("open folder " + folder, errno);
    return fd;
}

IoResult<FileText> read_text(int folder, const std::string& name, std::size_t limit) {
    FileText found;
    const UniqueFd file(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) {
        const int code = errno;
        if (code == ENOENT) return found;
        struct stat about {};
        // ELOOP is a symbolic link, ENXIO a socket or a device without a driver.
        if ((code == ELOOP || code == ENXIO) && fstatat(folder, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0) {
            found.exists = true;
            found.problem = kind_problem(about.st_mode);
            return found;
        }
        return io_failure("open " + name, code);
    }
    found.exists = true;
    struct stat about {};
    if (fstat(file.get(), &about) != 0) return io_failure("look at " + name, errno);
    if (!S_ISREG(about.st_mode)) {
        found.problem = kind_problem(about.st_mode);
        return found;
    }
    found.text.resize(limit + 1);
    std::size_t filled = 0;
    while (filled < found.text.size()) {
        const ssize_t got = read(file.get(), found.text.data() + filled, found.text.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_failure("read " + name, errno);
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    found.text.resize(filled);
    return found;
}

IoResult<void> write_at_start(int file, std::string_view text, const std::string& name) {
    off_t at = 0;
    while (!text.empty()) {
        const ssize_t written = pwrite(file, text.data(), text.size(), at);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return io_failure("write " + name, errno);
        text.remove_prefix(static_cast<std::size_t>(written));
        at += written;
    }
    return {};
}

IoResult<void> sync(int file, const std::string& name) {
    if (fsync(file) != 0) return io_failure("sync " + name + " to disk", errno);
    return {};
}

bool still_names(int folder, const std::string& name, int file) {
    struct stat by_name {};
    return fstatat(folder, name.c_str(), &by_name, AT_SYMLINK_NOFOLLOW) == 0 && is_same(by_name, file);
}

bool folder_still_at(const std::string& path, int folder) {
    struct stat by_path {};
    return stat(path.c_str(), &by_path) == 0 && is_same(by_path, folder);
}

}  // namespace leasehold::stores
