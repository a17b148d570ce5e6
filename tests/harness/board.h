// SPDX-License-Identifier: Apache-2.0
//
// The oracle's evidence: a file in shared memory in which every process of the test workload stamps its own slot with
// CLOCK_MONOTONIC every half millisecond while it runs. Whether two trees ran at once is then read from outside,
// without asking leasehold anything. What is alive but does not run (stopped, frozen) leaves no stamps, but holds a
// lock on its byte of <path>.alive, which the kernel takes away when it dies: a new tree looks who else is there.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace leasehold::harness {

struct Slot {
    std::atomic<std::int64_t> first_ns;  // 0: never used
    std::atomic<std::int64_t> last_ns;
    std::atomic<std::int64_t> pid;            // as the process itself sees it
    std::atomic<std::uint64_t> token;         // LEASEHOLD_FENCING_TOKEN
    std::atomic<std::uint64_t> tree;          // stands for LEASEHOLD_TERM_ID
    std::atomic<std::int64_t> pause_from_ns;  // the longest time between two stamps, as far as it was remarkable
    std::atomic<std::int64_t> pause_to_ns;
    std::atomic<std::uint32_t> met;  // 1 + index of a slot of another tree that was alive when this one began
    std::array<char, 64> identity;   // LEASEHOLD_IDENTITY
};

inline constexpr std::size_t kSlots = 4096;

struct BoardLayout {
    std::atomic<std::uint32_t> used;
    std::array<Slot, kSlots> slots;
};

// One life of a process of the workload, as it stamped itself.
struct Stint {
    std::chrono::nanoseconds first{};
    std::chrono::nanoseconds last{};
    std::int64_t pid = 0;
    std::uint64_t token = 0;
    std::string identity{};
    std::uint64_t tree = 0;
    std::chrono::nanoseconds pause_from{};
    std::chrono::nanoseconds pause_to{};
    bool met_another = false;
};

class Board {
public:
    // Creates the file when it is missing; every process that opens the same path sees the same board. Ends the process
    // with a message when that fails: there is no test without it.
    explicit Board(const std::string& path);
    ~Board();
    Board(const Board&) = delete;
    Board& operator=(const Board&) = delete;

    // For the workload: a slot of its own.
    Slot& claim();
    // Also for the workload: this process is alive in that slot until it dies. Several may be in one.
    void live_in(const Slot& slot);
    // A slot of another tree in which some process is alive: its index and one more; 0 when there is none.
    std::uint32_t other_tree_alive(std::uint64_t tree) const;

    // All runs so far, in the order of their first stamps.
    std::vector<Stint> runs() const;
    // The trees in which something is alive, whether it stamps or not.
    std::vector<std::uint64_t> living_trees() const;

private:
    bool alive(std::uint32_t index) const;

    BoardLayout* layout_ = nullptr;
    int locks_ = -1;
};

std::chrono::nanoseconds monotonic_now();

// Two runs that were alive at the same time, in words; empty when there are none. Also complains about tokens that do
// not strictly grow. For workloads of one process a tree.
std::string find_overlap(const std::vector<Stint>& runs);

}  // namespace leasehold::harness
