// SPDX-License-Identifier: Apache-2.0
//
// GET over a plain socket to a port of this machine.
#pragma once

#include <string>

namespace leasehold::harness {

struct HttpAnswer {
    int status = 0;  // 0 when nothing answers
    std::string body;
};

HttpAnswer http_get(int port, const std::string& path);

// A request that is sent, and whose answer is read later: what asks a process that is stopped.
class PendingGet {
public:
    PendingGet(int port, const std::string& path);
    ~PendingGet();
    PendingGet(const PendingGet&) = delete;
    PendingGet& operator=(const PendingGet&) = delete;

    HttpAnswer answer();  // once

private:
    int fd_ = -1;
    bool sent_ = false;
};

}  // namespace leasehold::harness
