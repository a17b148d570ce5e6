// SPDX-License-Identifier: Apache-2.0
//
// What is said to etcd's JSON gateway, and what it answers (etcd 3.4 and later; api/etcdserverpb/rpc.proto in its
// source). Keys and values travel as base64, 64-bit numbers as strings, and members with the value zero are left out.
//
// Threads: none; pure functions. They never throw anything but std::bad_alloc, whatever the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leasehold::stores::etcd {

// Which write of a key it was. A cluster that was restored counts on from the backup, often under the same id, and so
// gives the first number away twice; that the other two are the same as well is another matter.
struct Place {
    std::uint64_t mod_revision = 0;     // of this write
    std::uint64_t create_revision = 0;  // of the one that made the key
    std::uint64_t version = 0;          // how many there were since then

    friend bool operator==(const Place&, const Place&) = default;
};

// Bodies of requests.
std::string status_request();
std::string range_request(const std::string& key);
// Puts `value` if the key is not there, or is where it is expected.
std::string create_request(const std::string& key, const std::string& value);
std::string update_request(const std::string& key, const std::string& value, const Place& expected);
// Changes from `start_revision` on.
std::string watch_request(const std::string& key, std::uint64_t start_revision);
std::string authenticate_request(const std::string& username, const std::string& password);

// The header of every answer. Revisions count the writes to the whole cluster.
struct Header {
    std::string cluster_id;
    std::uint64_t revision = 0;
};

struct KeyValue {
    std::string value;
    Place place;  // of a deletion, only the first
};

// Each parser returns nothing when the text is no such answer, and says why in `problem`.
std::optional<Header> parse_header(const std::string& body, std::string& problem);

struct RangeAnswer {
    Header header;
    std::optional<KeyValue> found;
};
std::optional<RangeAnswer> parse_range(const std::string& body, std::string& problem);

struct TxnAnswer {
    Header header;           // its revision is that of the write if it succeeded
    bool succeeded = false;  // otherwise the comparison did not hold, and nothing was written; the answer proves it
};
std::optional<TxnAnswer> parse_txn(const std::string& body, std::string& problem);

std::optional<std::string> parse_token(const std::string& body, std::string& problem);

// What etcd answers to a request that it did not carry out: a code of gRPC and a sentence.
struct Refusal {
    enum class Code {
        unknown = 2,
        invalid_argument = 3,
        not_found = 5,
        permission_denied = 7,
        resource_exhausted = 8,
        failed_precondition = 9,
        out_of_range = 11,
        unavailable = 14,
        unauthenticated = 16,
    };
    int code = 0;
    std::string message;

    bool is(Code which) const { return code == static_cast<int>(which); }
};
// Nothing when the body is no refusal of etcd's: then somebody else answered, such as a proxy.
std::optional<Refusal> parse_refusal(const std::string& body);

// One line of a watch.
struct WatchMessage {
    struct Change {
        bool deleted = false;
        KeyValue now;
    };
    Header header;
    bool created = false;
    bool compacted = false;          // the start revision is no longer known; the watch is over
    std::optional<Refusal> refusal;  // the watch is over
    std::vector<Change> changes;
};
std::optional<WatchMessage> parse_watch(const std::string& line, std::string& problem);

}  // namespace leasehold::stores::etcd
