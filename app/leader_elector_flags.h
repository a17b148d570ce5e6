// SPDX-License-Identifier: Apache-2.0
//
// The command line of leader-elector 0.4 and 0.5 (kubernetes-retired/contrib, election/example/main.go), so that
// leasehold can take its place in a pod without a change to the pod's arguments.
//
//   --election NAME              the lock: the Endpoints object of that name
//   --election-namespace NAME    "default"
//   --id NAME                    who this candidate is; the host's name
//   --http ADDRESS               where {"name":"<holder>"} is answered; empty: nowhere
//   --ttl DURATION               10s; whole seconds, for that is what the lock's record holds
//   --use-cluster-credentials    the pod's service account and nothing else; without it, what access.h finds, beginning
//                                with $KUBECONFIG
//
// As Go's flag packages have it: one dash or two, `--x=y` or `--x y`, a boolean only as `--x` or `--x=true`; the last
// one counts; after `--`, and what is no flag, nothing is looked at. Accepted and ignored: the flags of glog and klog,
// and --initial-wait, which is how leasehold always does it. What is unknown is an error, as it was there.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "config/options.h"
#include "election/stores/kubernetes/options.h"

namespace leasehold::app {

struct DropIn {
    stores::KubernetesOptions kubernetes;  // lock, name, namespace, credentials, events, no role label
    std::string election;
    std::string id;
    std::string http;  // empty: no endpoints
    Duration ttl = std::chrono::seconds(10);
    bool help = false;                 // asked for; then nothing else holds
    std::vector<std::string> ignored;  // as given
};

// Whether these arguments (those after the program's name) are leader-elector's: flags to begin with, and one of its
// own among them.
bool is_leader_elector(const std::vector<std::string>& arguments);

struct ParsedFlags {
    DropIn drop_in;                     // holds if there are no problems
    std::vector<std::string> problems;  // all of them: which flag is wrong, and what would work
};

// What they mean; `host` is the name of this host.
ParsedFlags parse_leader_elector(const std::vector<std::string>& arguments, const std::string& host);

// How to use the flags, as text.
std::string leader_elector_usage();

// The options that are the same thing. Timing as leader-elector had it: renew deadline ttl/2, retry
// period ttl/4.
config::Options options_of(const DropIn& drop_in);

}  // namespace leasehold::app
