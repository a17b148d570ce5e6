// SPDX-License-Identifier: Apache-2.0
//
// The oracle's evidence: a file in shared memory in which every run of the test workload stamps its own slot with
// CLOCK_MONOTONIC every half millisecond while it is alive. Whether two ran at once is then read from outside, without
// asking leasehold anything.
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
    std::atomic<std::int64_t> pid;
    std::atomic<std::uint64_t> token;  // LEASEHOLD_FENCING_TOKEN
    std::array<char, 64> identity;     // LEASEHOLD_IDENTITY
};

inline constexpr std::size_t kSlots = 4096;

struct BoardLayout {
    std::atomic<std::uint32_t> used;
    std::array<Slot, kSlots> slots;
};

// One life of the workload, as it stamped itself.
struct Stint {
    std::chrono::nanoseconds first{};
    std::chrono::nanoseconds last{};
    std::int64_t pid = 0;
    std::uint64_t token = 0;
    std::string identity;
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

    // All runs so far, in the order of their first stamps.
    std::vector<Stint> runs() const;

private:
    BoardLayout* layout_ = nullptr;
};

std::chrono::nanoseconds monotonic_now();

// Two runs that were alive at the same time, in words; empty when there are none. Also complains about tokens that do
// not strictly grow.
std::string find_overlap(const std::vector<Stint>& runs);

}  // namespace leasehold::harness
