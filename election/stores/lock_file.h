// SPDX-License-Identifier: Apache-2.0
//
// The sibling file `<record>.lock`: the lock under which the record is replaced, and the store's memory of how far its
// generations have come. It is written in place and never renamed or deleted by us, so its inode is the lock.
//
// What it remembers, in one line of fixed length with a checksum:
//
//   intent     the generation that a writer is about to put in place; written before the rename
//   committed  the generation that is in place; written after the rename
//   witness    whether the file stood there before the first record was written, with no candidate alive
//
// A writer killed between the two leaves intent = committed + 1, and the record is either of them. So:
//
//   - a record below `committed` is older than one that was in place: restored from a backup;
//   - new generations are above `intent`, so that none is used twice, also after the record was deleted;
//   - `intent` 0 in a file that is a witness: no record was ever written here.
//
// A file that was lost or damaged while candidates were alive is made again, but is no witness. What it says is brought
// to the disk right after each write, not before it is reported: a power failure ends all candidates and leaves the
// record, which knows its generation. Only who deletes the record by hand a moment before the power fails may see it
// repeated.
//
// Threads: any, one object by one at a time. Blocking: waits for the disk, never for the lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "election/stores/file_io.h"

namespace leasehold::stores {

struct LockState {
    bool witness = false;
    std::uint64_t committed = 0;
    std::uint64_t intent = 0;

    friend bool operator==(const LockState&, const LockState&) = default;

    // Proof that no record was ever written beside this file.
    bool proves_never_written() const { return witness && committed == 0 && intent == 0; }
};

std::string format_lock_state(const LockState& state);
std::optional<LockState> parse_lock_state(std::string_view text);  // nothing when it is damaged

// Whether text that does not parse was at least meant to be ours (or is empty), and so may be overwritten.
bool looks_like_lock_file(std::string_view text);

// Reads it without locking. Nothing when it is missing or damaged.
IoResult<std::optional<LockState>> peek_lock_state(int folder, const std::string& lock_name);

// The lock, held from a successful try_lock() on until destruction.
class LockFile {
public:
    // Opens the file, makes it when it is missing, and tries to lock it. Nothing when someone else holds the lock.
    static IoResult<std::optional<LockFile>> try_lock(int folder, const std::string& lock_name);

    // Whether the path still names what is locked. When it does not, others may hold "the lock" too.
    bool still_in_place(int folder) const { return still_names(folder, name_, file_.get()); }

    IoResult<std::optional<LockState>> read() const;  // nothing when it is damaged, or just made
    IoResult<void> write(const LockState& state) const;
    IoResult<void> sync() const;
    void unlock();  // sync() still works afterwards

private:
    LockFile(UniqueFd file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

    UniqueFd file_;
    std::string name_;
};

// Makes the lock file if there is none. False when there was one. Does not wait for the disk: one that a power failure
// takes away, or leaves empty, is no witness when it is made again.
IoResult<bool> create_lock_file(int folder, const std::string& lock_name, bool witness);

}  // namespace leasehold::stores
