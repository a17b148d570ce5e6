// SPDX-License-Identifier: Apache-2.0
//
// Reading JSON that anybody may have written or edited: what is not as it must be becomes a sentence about the first
// such thing, never an exception (but std::bad_alloc). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/time.h"

namespace leasehold::stores {

inline constexpr Duration kLongestLease = std::chrono::hours(24 * 366);

// Parses, and refuses what a careless edit or somebody else's data may bring along: depth, the same key twice.
// `problem`, empty before, says what is wrong when there is no value: "it is not JSON in UTF-8".
std::optional<nlohmann::json> parse_json(std::string_view text, std::string& problem);

// For objects of servers, which leave out what they have nothing to say about, or write null there.

// Parses; discarded (is_discarded()) when it is not JSON in UTF-8, or nested deeper than anything that a server has to
// say: what is done with JSON afterwards (copies, dump()) takes stack for every level.
nlohmann::json parse_server_json(std::string_view text);

// A member of an object; null when there is none, or when it is no object.
const nlohmann::json& member(const nlohmann::json& object, const char* key);

// The text of such a member, empty when there is none. False: it is something else than text, and `text` is empty.
bool text_in(const nlohmann::json& object, const char* key, std::string& text);

// The fields of an object, each of which must be there and of the right kind, or `problem` says otherwise ("its " +
// prefix + "holderIdentity is not a string") and the answer is empty or zero. The first problem stays.
class JsonFields {
public:
    // `object` is an object, and outlives this; so does `problem`.
    JsonFields(const nlohmann::json& object, std::string prefix, std::string& problem);

    bool has(const char* key) const;  // there, and not null

    std::string text(const char* key);  // without control characters
    bool flag(const char* key);
    // A whole number from `least` to `most`.
    std::uint64_t number(const char* key, std::uint64_t least, std::uint64_t most);
    // A positive number of units, no longer than kLongestLease.
    Duration span(const char* key, Duration unit);

    void complain(const char* key, const std::string& what);

private:
    const nlohmann::json* find(const char* key);

    const nlohmann::json& object_;
    std::string prefix_;
    std::string& problem_;
};

}  // namespace leasehold::stores
