// SPDX-License-Identifier: Apache-2.0
//
// The few disk operations that the file store is made of, with failures as a metric label and a sentence for people.
//
// Threads: any. Blocking: everything here waits for the disk; never call it on an event loop's thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/fd.h"

namespace leasehold::stores {

struct IoFailure {
    std::string reason;  // metric label: "no_space", "read_only", "permission", "no_folder", "too_many_files", "io"
    std::string detail;  // for people, with what to do where that is clear
};

template <class Value>
using IoResult = tl::expected<Value, IoFailure>;

// The failure of a system call that has just failed. `doing` completes "cannot ...".
tl::unexpected<IoFailure> io_failure(const std::string& doing, int code);

// The record's place, taken apart once.
struct FilePlace {
    explicit FilePlace(const std::string& absolute_path);

    std::string path;       // "/var/lib/leasehold/billing.lease"
    std::string folder;     // "/var/lib/leasehold"
    std::string name;       // "billing.lease"
    std::string lock_name;  // "billing.lease.lock"
};

IoResult<UniqueFd> open_folder(const std::string& folder);

// What stands under a name in a folder.
struct FileText {
    bool exists = false;
    std::string text;     // at most the limit plus one byte
    std::string problem;  // exists, but cannot be text: "it is a folder"
};

// Reads a regular file as a whole. Symbolic links are not followed; a FIFO or a device does not block.
IoResult<FileText> read_text(int folder, const std::string& name, std::size_t limit);

IoResult<void> write_at_start(int file, std::string_view text, const std::string& name);
IoResult<void> sync(int file, const std::string& name);

// Whether `name` in `folder` still is the file that is open as `file`.
bool still_names(int folder, const std::string& name, int file);

// The same for a folder by its path, which may lead over symbolic links.
bool folder_still_at(const std::string& path, int folder);

}  // namespace leasehold::stores
