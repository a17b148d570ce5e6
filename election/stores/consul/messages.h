// SPDX-License-Identifier: Apache-2.0
//
// What is said to Consul's HTTP API, and what it answers (developer.hashicorp.com/consul/api-docs: kv, txn, features/
// blocking and features/consistency; tried with 1.8).
//
// Threads: none; pure functions. They never throw anything but std::bad_alloc, whatever the text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace leasehold::stores::consul {

using Headers = std::map<std::string, std::string>;  // names in lower case

// Bytes that mean something else in a URL are escaped; slashes are not, they are part of a key.
std::string escape(const std::string& text);

// Targets of requests.
std::string kv_target(const std::string& key);  // a consistent read
std::string waiting_kv_target(const std::string& key, std::uint64_t index, std::uint64_t seconds);

// The body of a transaction that sets the key if it was last modified at this index; 0: if it is not there.
std::string cas_request(const std::string& key, const std::string& value, std::uint64_t modify_index);

// The headers of an answer from the key-value store.
struct Position {
    std::uint64_t index = 0;  // what to wait beyond
    bool consistent = false;  // nothing in them belies that the leader has answered; ?consistent is what makes it so
};
// Nothing when they are not there: then it is no answer of Consul's.
std::optional<Position> position_of(const Headers& headers);

struct Entry {
    std::string value;
    std::uint64_t modify_index = 0;
    std::string session;  // that has locked it; empty: none
};
// Nothing when the text does not hold this one key, and says why in `problem`.
std::optional<Entry> parse_entry(const std::string& body, const std::string& key, std::string& problem);

// The answer to a transaction that was carried out: its index, which is the entry's ModifyIndex.
std::optional<std::uint64_t> parse_applied(const std::string& body, const std::string& key, std::string& problem);

// The answer to a transaction that was not: why, in the server's words. Empty when it is no such answer.
std::vector<std::string> parse_txn_errors(const std::string& body);

// Whether that was all about the entry being in another state (agent/consul/state/txn.go in Consul's source).
bool comparison_failed(const std::vector<std::string>& errors);

}  // namespace leasehold::stores::consul
