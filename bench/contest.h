// SPDX-License-Identifier: Apache-2.0
//
// Candidates of one tool that contend for one lock, and what is done to their leader. Who ran when is read from the
// stamps of the workloads: nobody who is measured is asked.
//
// Threads: for one thread. What is said to wait blocks, never longer than a minute. What does not come about is thrown
// as std::runtime_error.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/contender.h"
#include "tests/harness/board.h"
#include "tests/servers/relays.h"

namespace leasehold::bench {

class Contest {
public:
    struct Options {
        int candidates = 3;
        bool relays = false;  // each candidate has a network of its own, which can be cut
    };

    Contest(StoreServers& servers, std::unique_ptr<Tool> tool, Options options);
    ~Contest();  // waits; nothing is left of any candidate
    Contest(const Contest&) = delete;
    Contest& operator=(const Contest&) = delete;

    struct Member {
        std::string name;
        std::unique_ptr<servers::Relays> network;  // if there are relays
        std::unique_ptr<Contender> contender;
    };

    // One leads, and all others stand by for it.
    bool settled();
    // Waits for that, and for a moment that has nothing to do with anybody's rhythm.
    void settle();

    // Something happens to the leader. From now on there is to be a successor.
    struct Strike {
        std::chrono::nanoseconds at{};  // CLOCK_MONOTONIC, before anything was done
        std::size_t run = 0;            // of the leader's workload, the newest one
        std::string leader{};
    };
    Strike strike(const std::function<void(Member&)>& fault);

    // The first run after it; none: not yet.
    std::optional<harness::Stint> successor(const Strike& strike) const;
    // Waits for it.
    std::optional<harness::Stint> await_successor(const Strike& strike, std::chrono::milliseconds limit) const;
    // The last stamp of the workload that was struck.
    std::chrono::nanoseconds end_of(const Strike& strike) const;

    // Stops what is left of the leader that was struck, waits until it has ended, and starts another candidate in its
    // place, with a new name.
    void replace(const Strike& strike);
    // Its network is whole again.
    void repair(const Strike& strike);

    // Runs that began while another one was going on, or alive without stamping.
    int overlaps() const;

    Tool& tool() { return *tool_; }

private:
    Member seat();
    Member& member(const std::string& name);

    StoreServers& servers_;
    const std::unique_ptr<Tool> tool_;
    const Options options_;
    harness::TempFolder folder_;
    harness::Board board_{folder_.path("board")};
    std::vector<Member> members_;
    int names_ = 0;
    std::mt19937 random_{std::random_device{}()};
};

}  // namespace leasehold::bench
