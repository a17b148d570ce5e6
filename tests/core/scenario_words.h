// SPDX-License-Identifier: Apache-2.0
//
// The words of the scenario language: an input line taken apart, and commands as the lines that answer it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "election/core/election.h"

namespace leasehold::election {

// "1m30s", "14.6s", "250ms"; throws std::runtime_error when it is none.
Duration parse_duration(const std::string& text);

// An input line: plain words, and words of the form key=value. What nobody asks for is an error.
class Words {
public:
    explicit Words(const std::string& line);

    std::optional<std::string> next();          // the next plain word
    std::string need(const std::string& what);  // the same, required
    bool peek(const std::string& word) const;   // is it the next one?
    bool flag(const std::string& word);         // is it among those that are left?
    std::string rest();                         // everything that is left, as one text
    std::string text(const std::string& key, const std::string& fallback = {});
    Duration duration(const std::string& key, Duration fallback);
    std::uint64_t number(const std::string& key, std::uint64_t fallback);
    void done() const;  // throws if something was not used

private:
    std::vector<std::string> plain_;
    std::map<std::string, std::string> keyed_;
};

// "present holder=other version=7 duration=15s", "absent never_written", ...
Snapshot parse_snapshot(Words& words, const Settings& settings);

const char* name_of(Role role);

// "grant term=1 token=8 transitions=1 soft=10s hard=14.6s"; instants count from `origin`.
std::string told(const Command& command, const Settings& settings, Instant origin);

// "2s", or "boot=2s raw=1s" where the clocks disagree.
std::string told(Instant at, Instant origin);

}  // namespace leasehold::election
