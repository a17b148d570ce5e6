// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "supervisor/launch_internal.h"

namespace leasehold::supervisor {

RoleImage::RoleImage(const std::string& role, const std::vector<std::string>& arguments) {
    texts_.push_back("leasehold");
    texts_.push_back(role);
    texts_.insert(texts_.end(), arguments.begin(), arguments.end());
    for (std::string& text : texts_) argv_.push_back(text.data());
    argv_.push_back(nullptr);
}

void RoleImage::inherit(int fd) {
    if (fd >= 0) inherited_.push_back(fd);
}

int RoleImage::execute() const {
    for (const int fd : inherited_) {
        if (fcntl(fd, F_SETFD, 0) != 0) return errno;
    }
    // The file that runs, even when its path holds another by now; and that path, where /proc is not mounted.
    execve("/proc/self/exe", argv_.data(), environ);
    int problem = errno;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): getauxval(3) hands out pointers as numbers
    const auto* const path = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
    if (problem == ENOENT && path != nullptr) {
        execve(path, argv_.data(), environ);
        problem = errno;
    }
    for (const int fd : inherited_) fcntl(fd, F_SETFD, FD_CLOEXEC);
    return problem;
}

}  // namespace leasehold::supervisor
