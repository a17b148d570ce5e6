// SPDX-License-Identifier: Apache-2.0
//
// Golden scenarios: short stories about one candidate, told line by line. Each input line is followed by what the state
// machine did, and replaying a story must give the same text again. The language is described in scenarios/README.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "election/core/election.h"

namespace leasehold::election {

// What a story is told to. Election is one; the tests of the player bring others, which break the rules.
class Machine {
public:
    virtual ~Machine() = default;
    virtual Step step(Instant now, const Event& event) = 0;
    virtual Role role() const = 0;
    virtual std::optional<Duration> free_in(Instant now) const = 0;
};
using MachineFactory = std::function<std::unique_ptr<Machine>(const Settings&, const Past&, Instant)>;

// Makes the real one.
std::unique_ptr<Machine> make_election(const Settings& settings, const Past& past, Instant now);

// Plays the story's inputs and returns it with the outputs that came, in place of those it had. Throws
// std::runtime_error, naming the line, when a line cannot be understood or the machine breaks a rule that holds in
// every story: one write under way at a time, no wake-up that is owed again and again without anything
// happening.
std::string replay(const std::string& story, const MachineFactory& make = make_election);

}  // namespace leasehold::election
