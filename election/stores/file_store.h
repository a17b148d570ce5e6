// SPDX-License-Identifier: Apache-2.0
//
// The embedded store: the register in one file on a local disk, for candidates of one machine. How a write is made safe
// is told in register_file.h, what the lock file remembers in lock_file.h, how living candidates show that they live in
// presence_lock.h.
//
// All work on the disk is done by a thread of the store (disk_worker.h), so a disk that hangs delays nobody's
// deadlines.
#pragma once

#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "election/stores/file_options.h"
#include "election/stores/store.h"

namespace leasehold::stores {

// Held open (and inherited) by all processes of a start for as long as they live: they prove that a candidate is alive.
// Both are close-on-exec; whoever hands them on clears that. The workload must not get them.
struct FileStorePrepared {
    UniqueFd presence;        // always
    UniqueFd mount_presence;  // when the folder itself can be deleted and made again; see presence_lock.h

    // Names the lock for everyone who uses the same one on this machine, whatever the path they see it under.
    std::string lock_id;
};

// The preflight: refuses a path on which the promise could not be kept, or whose record cannot be understood, and says
// what to do. Makes the lock file. Once per start, before anything else is started; blocking, up to some seconds on a
// disk that works.
Result<FileStorePrepared> prepare_file_store(const FileOptions& options);

// Makes a released record unless there is one already, and says what was found or done, for people. Blocking, as above.
// Refuses to while candidates are running that may know of a record which somebody deleted.
Result<std::string> init_file_store(const FileOptions& options, Duration lease_duration);

// `writer_name` is unique to the process among all candidates, and becomes part of file names. Does not block; a path
// that cannot be used shows in the first request. prepare_file_store() is expected to have succeeded.
Result<std::unique_ptr<Store>> open_file_store(EventLoop& loop, const FileOptions& options, std::string writer_name);

}  // namespace leasehold::stores
