// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/faults/trial.h"

namespace leasehold::faults {

// Holds the file store's lock, so that no candidate can write, for as long as it lives.
class LockHolder {
public:
    explicit LockHolder(const std::string& lease) : fd_(open((lease + ".lock").c_str(), O_RDWR | O_CLOEXEC)) {
        if (fd_ < 0 || flock(fd_, LOCK_EX) != 0) throw Failed{"the store's lock cannot be taken"};
    }
    ~LockHolder() { close(fd_); }
    LockHolder(const LockHolder&) = delete;
    LockHolder& operator=(const LockHolder&) = delete;

private:
    int fd_;
};

}  // namespace leasehold::faults
