// SPDX-License-Identifier: Apache-2.0
//
// The preflight: asks the server for everything that a run would need, with the credentials of the run, and changes
// nothing (SelfSubjectAccessReview, which every authenticated user may ask for; and one read of the lock).
//
// Whose credentials they are says SelfSubjectReview, since Kubernetes 1.28; before, only the refusal of what is not
// allowed, which is asked for, as a dry run, to hear that.
//
// Threads: the loop's. Never blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "election/stores/kubernetes/api.h"
#include "election/stores/kubernetes/refusal.h"
#include "election/stores/store.h"

namespace leasehold::stores::kubernetes {

struct ProbeResult {
    bool good = false;  // a run would get what it needs
    std::string text;   // a table and what to do, for people
};

class Probe {
public:
    // `api` and `store` outlive the probe.
    Probe(Api& api, Store& store, Needs needs, std::function<void(const ProbeResult&)> done);

    // Calls back once, after at most half a minute.
    void start();

private:
    void ask_next();
    void reviewed(const http::Answer& answer);
    void look_at_clock(const http::Answer& answer);
    void ask_who_we_are();
    void ask_for_what_is_missing();
    void read_lock();
    void lock_read(const election::ReadOutcome& outcome);
    void finish();

    Api& api_;
    Store& store_;
    const Needs needs_;
    std::size_t next_ = 0;
    std::vector<Action> missing_;
    std::string user_;  // empty: unknown
    std::string notes_;
    ProbeResult result_;
    bool clock_looked_at_ = false;
    std::function<void(const ProbeResult&)> done_;
};

}  // namespace leasehold::stores::kubernetes
