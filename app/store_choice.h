// SPDX-License-Identifier: Apache-2.0
//
// Which store an election uses: the one place of the program that knows them all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"
#include "config/options.h"
#include "election/stores/kubernetes/announcer.h"
#include "election/stores/store.h"

namespace leasehold::app {

struct PreparedStore {
    std::string place;           // for people: the path of the record
    std::string lock_id;         // names the lock for everyone on this machine who uses the same one
    std::vector<UniqueFd> held;  // kept open by every process of this start, close-on-exec; not for the workload
};

// The preflight, once per start and before anything else is started: refuses what could not work, and says what to do.
// Blocking, up to some seconds on a disk that works. A server is not asked: it may be down for a while.
Result<PreparedStore> prepare_store(const config::Options& options);

// Makes a released record unless there is one, and says what was found or done, for people. Blocking, as above.
Result<std::string> init_store(const config::Options& options);

// Tells what a run would find at the store, on standard output, and complains. Blocking, up to half a minute.
// An exit status.
int probe_store(const config::Options& options);

struct OpenedStore {
    std::unique_ptr<stores::Store> store;
    std::unique_ptr<stores::kubernetes::Announcer> announcer;  // where there is somebody to tell who leads; or nothing
    std::string lock_id;  // as in PreparedStore, where other files say which it is (a kubeconfig); or else empty
};

// The store for a participant of the election. `writer_name` is unique to the process among all candidates. Does not
// block; what the preflight has not found shows in the first request.
Result<OpenedStore> open_store(EventLoop& loop, const config::Options& options, std::string writer_name);

}  // namespace leasehold::app
