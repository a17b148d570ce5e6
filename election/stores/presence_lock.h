// SPDX-License-Identifier: Apache-2.0
//
// How a candidate shows that it is alive, even when somebody deletes every file of the election: a lock that needs no
// file. Only with nobody alive may a missing record and a missing lock file be taken to mean "never written".
//
// Every candidate holds a shared open-file-description lock (F_OFD_SETLK, fcntl(2)) on one byte of the record's FOLDER
// for as long as one of its processes lives: such locks belong to the open descriptor, which is inherited, and the
// kernel drops them with the last of them. The byte's place is a digest of the record's name, so elections in one
// folder do not meet. Exclusive locks of that kind are not to be had on a folder, but asking whether one could be
// (F_OFD_GETLK) is: that tells whether someone else is alive. So that asking and showing are one step, they are done
// under flock(2) on the folder, which is held for an instant.
//
// Since the folder itself can be deleted and made again, the same is done on the topmost folder of the same mount,
// which cannot, with a digest of the path below it. What this does not see: a folder that is a mount point here and was
// deleted and made again behind it, where its mount points to (docs/election.md).
//
// Threads: any, one object by one at a time. Blocking: waits for the disk, and up to `patience` for another candidate
// that is starting.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/time.h"
#include "election/stores/file_io.h"

namespace leasehold::stores {

class PresenceLock {
public:
    // Finds out whether anyone else is present. From now on to the end of this object no other candidate can.
    static IoResult<PresenceLock> begin(const FilePlace& place, Duration patience);

    // Certainly nobody else is present.
    bool alone() const { return alone_; }

    // Shows our own presence, until the last copy of the descriptors is closed.
    IoResult<void> show();
    UniqueFd take_folder() { return std::move(folder_); }
    UniqueFd take_mount() { return std::move(mount_); }

private:
    struct Spot {
        std::string folder;
        std::uint64_t byte = 0;
    };
    PresenceLock() = default;
    static Spot mount_spot(const FilePlace& place);

    UniqueFd starting_;  // holds the flock; another open description of the folder
    UniqueFd folder_;
    UniqueFd mount_;  // nothing when the folder is the topmost of its mount
    std::uint64_t folder_byte_ = 0;
    std::uint64_t mount_byte_ = 0;
    bool alone_ = false;
};

}  // namespace leasehold::stores
