// SPDX-License-Identifier: Apache-2.0
//
// What is compared, behind one interface: candidates of leasehold, of client-go with a wrapper that executes a program,
// of `consul lock` and of `etcdctl lock`, each around the same workload, which stamps a board
// (tests/harness/board.h).
//
// Threads: for one thread. Starting and the faults do not block; what cannot be done is thrown as std::runtime_error.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/store_servers.h"
#include "tests/harness/candidate.h"

namespace leasehold::bench {

// Where a candidate is started.
struct Seat {
    std::string folder;      // for its files
    std::string board;       // of the workload
    std::string name;        // which the workload says of itself
    std::vector<int> ports;  // where it finds the servers
};

// One candidate. With the object all that is left of it is killed.
class Contender {
public:
    virtual ~Contender() = default;

    virtual harness::Process& process() = 0;

    // In order, as a service manager asks for it.
    virtual void stop() = 0;
    // SIGKILL to the one process that watches over the workload.
    virtual void kill_supervisor() = 0;
    // SIGKILL to all processes of the tool. Where that is one, to the workload too, which no one would end otherwise.
    virtual void kill_whole() = 0;

    // As far as its log tells: it stands by for this leader. REQUIRES: it does not lead.
    virtual bool waits_for(const std::string& leader) = 0;
    // What the log says so far no longer counts for that: somebody else is going to lead.
    virtual void forget() {}

    // It has ended by itself within the limit, and nothing is left of it.
    bool ended(std::chrono::milliseconds limit);

protected:
    bool ended_ = false;
};

// A tool and a lock of its own for its candidates.
class Tool {
public:
    virtual ~Tool() = default;
    virtual std::unique_ptr<Contender> start(const Seat& seat) = 0;

    // As far as the servers tell: so many contend.
    virtual bool all_there(int candidates) {
        static_cast<void>(candidates);
        return true;
    }

    // A fault comes at least so long after all have settled, and then at a random moment of as much again: of its
    // candidates' own rhythm, such as renewals and attempts.
    virtual std::chrono::milliseconds rhythm() const { return std::chrono::milliseconds(300); }

    // Stopping its candidates ends their workloads, too, also after a fault.
    virtual bool ends_in_order() const { return false; }

    // election.store and election.name with which the record of its lock can be read; none if there is no record.
    struct Place {
        std::string store;
        std::string election;
    };
    virtual Place record() { return {}; }
};

using MakeTool = std::function<std::unique_ptr<Tool>()>;

// Lease 2 s, deadline 1 s, retry 200 ms. `program`: another leasehold than the one that was built beside this.
MakeTool leasehold_on(StoreServers& servers, const std::string& program = {});

// `plain`: the workload does not die with a wrapper that is killed, as it does not with most.
struct ClientGoTiming {
    std::string lease;
    std::string deadline;
    std::string retry;
    std::chrono::milliseconds rhythm;
};
MakeTool client_go_on(StoreServers& servers, const ClientGoTiming& timing, bool plain = false);

// Consul's session with its defaults: TTL 15 s, lock delay 15 s.
MakeTool consul_lock_on(StoreServers& servers);

// TTL 10 s, the default. SIGTERM to etcdctl itself does not reach the workload; `to_group`: it is sent to both, as
// systemd does.
MakeTool etcdctl_lock_on(StoreServers& servers, bool to_group);

// Why `consul lock` or `etcdctl lock` cannot be run here; empty: they can.
std::string etcdctl_unavailable();

}  // namespace leasehold::bench
