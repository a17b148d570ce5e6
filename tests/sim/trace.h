// SPDX-License-Identifier: Apache-2.0
//
// What happened in a run. Always kept as a hash, so that two runs can be compared; as readable lines only when asked,
// because a run can be repeated exactly and formatting is most of the cost.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/scheduler.h"

namespace leasehold::sim {

class Trace {
public:
    explicit Trace(const Scheduler& time) : time_(time) {}

    void keep_lines() { keeping_ = true; }
    const std::vector<std::string>& lines() const { return lines_; }
    std::uint64_t hash() const { return hash_; }

    // One line: "12.345678 c2 <words...>". `who` is a candidate's index, kStore or kWorld.
    static constexpr int kStore = -1;
    static constexpr int kWorld = -2;
    template <class... Words>
    void note(int who, const Words&... words) {
        mix(static_cast<std::uint64_t>(time_.now().count()));
        mix(static_cast<std::uint64_t>(who));
        (mix_word(words), ...);
        if (!keeping_) return;
        std::string line = beginning(who);
        (append(line, words), ...);
        lines_.push_back(std::move(line));
    }

private:
    void mix(std::uint64_t value) {
        hash_ ^= value + 0x9e3779b97f4a7c15U + (hash_ << 6U) + (hash_ >> 2U);
        hash_ *= 0xff51afd7ed558ccdU;
    }
    void mix_word(std::integral auto value) { mix(static_cast<std::uint64_t>(value)); }
    void mix_word(Duration value) { mix(static_cast<std::uint64_t>(value.count())); }
    void mix_word(std::string_view text) {
        std::uint64_t sum = text.size();
        for (const char letter : text) sum = sum * 1099511628211U + static_cast<unsigned char>(letter);
        mix(sum);
    }

    std::string beginning(int who) const;
    static void append(std::string& line, std::integral auto value) { line.append(" ").append(std::to_string(value)); }
    static void append(std::string& line, Duration value);
    static void append(std::string& line, std::string_view text) { line.append(" ").append(text); }

    const Scheduler& time_;
    bool keeping_ = false;
    std::uint64_t hash_ = 0xcbf29ce484222325U;
    std::vector<std::string> lines_;
};

// "12.345678" seconds.
std::string seconds_text(Duration value);

}  // namespace leasehold::sim
