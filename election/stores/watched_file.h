// SPDX-License-Identifier: Apache-2.0
//
// Small files that somebody else replaces while we run: a rotated token, a new certificate.
//
// Threads: any, one at a time. Blocking: reads local files of at most 1 MiB.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <sys/stat.h>

#include "base/result.h"

namespace leasehold::stores {

// The whole of a regular file, symbolic links followed. Errors name the path; their code is errno where there is one.
Result<std::string> read_small_file(const std::string& path);

class WatchedFile {
public:
    // Makes the value out of the text, or says why it will not do, in words that complete "<path> ...".
    using Accept = std::function<Result<std::string>(const std::string& text)>;

    WatchedFile(std::string path, Accept accept) : path_(std::move(path)), accept_(std::move(accept)) {}

    // Reads the file if it is another one than last time (device, inode, size, time of change), if what it held then
    // would not do, or if `whatever`. What will not do leaves the value as it is.
    void check(bool whatever = false);

    const std::string& path() const { return path_; }
    const std::optional<std::string>& value() const { return value_; }  // nothing: there never was a good one

    // Why the value is not what the file holds now; empty: it is.
    const std::string& problem() const { return problem_; }

private:
    struct Signature {
        dev_t device = 0;
        ino_t inode = 0;
        off_t size = 0;
        time_t seconds = 0;
        long nanoseconds = 0;

        friend bool operator==(const Signature&, const Signature&) = default;
    };
    static std::optional<Signature> signature_of(const std::string& path);

    std::string path_;
    Accept accept_;
    std::optional<Signature> read_as_;
    std::optional<std::string> value_;
    std::string problem_;
};

}  // namespace leasehold::stores
