// SPDX-License-Identifier: Apache-2.0
//
// The only source of chance in a simulated run: xoshiro256** seeded by splitmix64. The distributions are our own,
// because those of the standard library differ between implementations and a seed must mean the same run everywhere.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace leasehold::sim {

class Random {
public:
    explicit Random(std::uint64_t seed) {
        for (auto& word : state_) {
            seed += 0x9e3779b97f4a7c15U;
            std::uint64_t z = seed;
            z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
            z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
            word = z ^ (z >> 31U);
        }
    }

    std::uint64_t next() {
        const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17U;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    // 0 .. limit-1
    std::uint64_t below(std::uint64_t limit) { return next() % limit; }
    std::size_t index(std::size_t size) { return static_cast<std::size_t>(below(size)); }

    // low .. high, both included
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
    }
    Duration between(Duration low, Duration high) { return Duration{between(low.count(), high.count())}; }

    // A share of 1; `chance(0.0)` still draws, so that switching a fault off does not shift everything after it.
    double share() { return static_cast<double>(next() >> 11U) * 0x1p-53; }
    bool chance(double probability) { return share() < probability; }

    // `length` times a factor between `low` and `high`.
    Duration scaled(Duration length, double low, double high) {
        return Duration{
            static_cast<std::int64_t>(static_cast<double>(length.count()) * (low + (high - low) * share()))};
    }

private:
    std::array<std::uint64_t, 4> state_{};
};

}  // namespace leasehold::sim
