// SPDX-License-Identifier: Apache-2.0
//
// What belongs together when the lock is an object of a Kubernetes cluster.
#pragma once

#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "config/options.h"
#include "election/stores/kubernetes/announcer.h"
#include "election/stores/kubernetes/api.h"
#include "election/stores/kubernetes/lock_object.h"
#include "election/stores/kubernetes/refusal.h"
#include "election/stores/store.h"

namespace leasehold::app {

struct KubernetesParts {
    std::shared_ptr<stores::kubernetes::Api> api;
    stores::kubernetes::ObjectName lock;
    std::unique_ptr<stores::Store> store;
    std::unique_ptr<stores::kubernetes::Announcer> announcer;
};

// REQUIRES: the options choose Kubernetes. Reads the credentials; does not talk to the server yet. Says what is unusual
// about the credentials in the log.
Result<KubernetesParts> open_kubernetes(EventLoop& loop, const config::Options& options);

// What the server has to allow.
stores::kubernetes::Needs needs_of_a_run(const KubernetesParts& parts, const config::Options& options);

// Names the lock for everyone on this machine who uses the same one.
std::string lock_id(const KubernetesParts& parts);

// Asks the server for everything that a run would need and prints what it says. An exit status.
int probe_kubernetes(const config::Options& options);

}  // namespace leasehold::app
