// SPDX-License-Identifier: Apache-2.0
//
// The register in a file, step by step and synchronously: what the file store's worker thread does.
//
// A write is made so that no moment at which its process may be killed, stopped or cut off leaves a torn, lost or
// unordered record:
//
//   1. without the lock: read, compare (a mismatch is a conflict already), choose the next generation, write the new
//      record to a temporary file and bring it to the disk;
//   2. lock (see lock_file.h), read and compare again, write down the intent;
//   3. unless given up in the meantime, or the lock file was exchanged: rename the temporary file over the record;
//   4. write down that it is committed, unlock;
//   5. bring the folder to the disk; only then it is `applied`.
//
// The lock is held for a handful of system calls on cached data, because a process that is stopped while it holds it
// stops all other writers. Reading takes no lock: the rename makes the record change at once, and what the lock file
// says is read in an order that can only make it prove less.
//
// The version's number is the generation; its tag is the write id and a digest of the text, so that an edit by hand is
// another version.
//
// Threads: any; several may use one RegisterFile at a time. Blocking: waits for the disk, never for the lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "election/core/register.h"
#include "election/stores/file_io.h"
#include "election/stores/lock_file.h"
#include "election/stores/store.h"
#include "election/stores/temp_file.h"

namespace leasehold::stores {

// One state of folder, record and lock file taken together.
struct FileState {
    election::Snapshot snapshot;
    std::uint64_t highest = 0;  // the next generation must be above this
};

// Pure. `before` and `after`: what the lock file said before and after the record was read; nothing when it could not
// be said.
FileState assemble_state(const FileText& record, const std::optional<LockState>& before,
                         const std::optional<LockState>& after);

// For tests: called at each step of a write, and before a read. Empty in the program.
enum class FileStep { reading, temp_written, locked, intent_written, before_rename, renamed, committed, unlocked };
using FileStepHook = std::function<void(FileStep)>;

class RegisterFile {
public:
    RegisterFile(FilePlace place, std::string writer, FileStepHook hook = {})
        : place_(std::move(place)), writer_(std::move(writer)), hook_(std::move(hook)) {}

    election::ReadOutcome read();

    const FilePlace& place() const { return place_; }
    const std::string& writer() const { return writer_; }

private:
    friend class FileWrite;

    IoResult<FileState> state(int folder);
    void saw_generation(std::uint64_t generation);
    void at(FileStep step) const {
        if (hook_) hook_(step);
    }

    const FilePlace place_;
    const std::string writer_;
    const FileStepHook hook_;
    // Keeps generations growing when lock file and record are both taken away from under a living candidate.
    std::atomic<std::uint64_t> highest_seen_{0};
};

// One compare-and-swap under way.
class FileWrite {
public:
    // `given_up` is asked before anything is begun and right before the rename.
    FileWrite(RegisterFile& file, WriteRequest request, std::function<bool()> given_up);

    // Goes on as far as possible. Nothing when someone else holds the lock: call again in a moment. `unknown` with the
    // reason "timeout" when it was given up.
    std::optional<election::WriteOutcome> advance();

    // After `applied` was reported: brings what the lock file remembers to the disk. Nobody needs to wait for it.
    void settle();

private:
    using Outcome = std::optional<election::WriteOutcome>;

    Outcome make_ready();
    Outcome commit();
    Outcome put_in_place(LockState state);
    bool matches(const election::Snapshot& found) const;

    RegisterFile& file_;
    const WriteRequest request_;
    const std::function<bool()> given_up_;
    UniqueFd folder_;
    std::optional<TempFile> temp_;  // ready to become the record; declared after the folder it lives in
    election::Version next_;        // the version it stands for
    std::optional<LockFile> lock_;  // while held, and after the write was applied
};

}  // namespace leasehold::stores
