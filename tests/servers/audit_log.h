// SPDX-License-Identifier: Apache-2.0
//
// What an API server's audit log says: who asked for what, and how it was answered.
#pragma once

#include <cstddef>
#include <ios>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace leasehold::servers {

struct AuditedRequest {
    std::string user;
    std::string verb;  // get, list, watch, create, update, patch, delete
    std::string group;
    std::string resource;  // leases, ...; empty: `uri` is of none
    std::string subresource;
    std::string namespace_name;
    std::string name;
    std::string uri;
    std::string received;  // RFC 3339, UTC, microseconds: these texts sort as the instants they mean
    int status = 0;        // 0: not answered yet; a watch is answered when it begins
    bool complete = false;
    nlohmann::json request;  // the bodies, where the policy asks for them
    nlohmann::json answer;
};

// The policy that is to be given to the API server. The bodies of requests and answers are large.
std::string audit_policy(bool bodies);

// Reads a log that grows; for one thread.
class AuditLog {
public:
    explicit AuditLog(std::string path) : path_(std::move(path)) {}

    // All requests so far, in the order they were received. Every request is there before it is answered.
    const std::vector<AuditedRequest>& read();

    // Those that were received after `mark` others: auto mark = log.read().size(); ...; log.since(mark).
    std::vector<AuditedRequest> since(std::size_t mark);

private:
    void add(const std::string& line);

    std::string path_;
    std::streamoff offset_ = 0;
    std::vector<AuditedRequest> requests_;
    std::unordered_map<std::string, std::size_t> known_;  // by id
};

struct AuditFilter {  // empty: any
    std::string user = {};
    std::string verb = {};
    std::string resource = {};
    std::string namespace_name = {};
};

std::vector<AuditedRequest> matching(const std::vector<AuditedRequest>& requests, const AuditFilter& filter);

// "3 get leases, 1 watch leases", for messages.
std::string summary(const std::vector<AuditedRequest>& requests);

}  // namespace leasehold::servers
