// SPDX-License-Identifier: Apache-2.0
#include "base/sealed_memory.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace leasehold {
namespace {

constexpr off_t kMost = 64 << 20;

}  // namespace

Result<UniqueFd> seal_in_memory(const char* name, std::string_view text) {
    UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return system_failure("memfd_create");
    while (!text.empty()) {
        const ssize_t part = write(fd.get(), text.data(), text.size());
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) return system_failure("writing to a memory file");
        text.remove_prefix(static_cast<std::size_t>(part));
    }
    if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        return system_failure("sealing a memory file");
    }
    return fd;
}

Result<std::string> read_sealed(int fd) {
    struct stat info {};
    if (fstat(fd, &info) != 0) return system_failure("memory file (descriptor " + std::to_string(fd) + ")");
    if (info.st_size > kMost) return failure("a memory file is impossibly large");
    std::string text(static_cast<std::size_t>(info.st_size), '\0');
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t part = pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return system_failure("reading a memory file");
        if (part == 0) return failure("a memory file is cut off");
        done += static_cast<std::size_t>(part);
    }
    return text;
}

Result<UniqueFd> make_shared_memory(const char* name, std::size_t size) {
    UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return system_failure("memfd_create");
    if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return system_failure("ftruncate of shared memory");
    if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return system_failure("sealing shared memory");
    }
    return fd;
}

}  // namespace leasehold
