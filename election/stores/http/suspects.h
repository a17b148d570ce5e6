// SPDX-License-Identifier: Apache-2.0
//
// The addresses that did not answer in time lately. A new connection tries all others of its name first; that is how
// the next one of several API servers behind one name gets its turn when the first is there but dead. libcurl asks for
// a socket for one address after the other, and goes on to the next when it gets none (CURLOPT_OPENSOCKETFUNCTION).
//
// Plain: no clock, no I/O.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace leasehold::stores::http {

class Suspects {
public:
    bool contains(const std::string& address) const { return addresses_.contains(address); }
    bool empty() const { return addresses_.empty(); }

    // `tried`: all that a connection was tried to, the one that answered among them.
    void answered(const std::string& address, const std::vector<std::string>& tried) {
        add(tried);
        addresses_.erase(address);
    }
    void silent(const std::vector<std::string>& tried) { add(tried); }

    // Nobody else is left to try.
    void forget() { addresses_.clear(); }

private:
    static constexpr std::size_t kMost = 64;  // of a name whose addresses change all the time

    void add(const std::vector<std::string>& tried) {
        if (addresses_.size() + tried.size() > kMost) addresses_.clear();
        addresses_.insert(tried.begin(), tried.end());
    }

    std::set<std::string> addresses_;
};

}  // namespace leasehold::stores::http
