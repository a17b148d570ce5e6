// SPDX-License-Identifier: Apache-2.0
//
// Whether somebody who is asked regularly still answers. It counts questions instead of reading a clock: whoever was
// frozen together with the one it asks has not asked meanwhile either, and must not take that for silence.
//
// Threads: none, not thread-safe. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace leasehold::supervisor {

class Pulse {
public:
    // Silent means: this many questions in a row without an answer to any of them.
    static constexpr int kPatience = 10;

    // The number of the next question.
    std::uint64_t ask() { return ++asked_; }
    void answered(std::uint64_t number) { answered_ = std::max(answered_, std::min(number, asked_)); }
    bool silent() const { return asked_ - answered_ > std::uint64_t{kPatience}; }

    // Somebody else is asked from here on.
    void restart() { answered_ = asked_; }

private:
    std::uint64_t asked_ = 0;
    std::uint64_t answered_ = 0;
};

}  // namespace leasehold::supervisor
