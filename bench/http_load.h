// SPDX-License-Identifier: Apache-2.0
//
// HTTP clients for the section "serving": plain sockets on loopback, so that what is measured is the server's.
//
// Threads: the main one. Blocking, with a limit of 10 s for each answer. What goes wrong is thrown as
// std::runtime_error.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/fd.h"

namespace leasehold::bench {

// A connection from 127.0.0.<last_byte>, blocking, without delay of what is sent.
UniqueFd connect_from(unsigned last_byte, int port);

// The whole request, sent as one piece.
void send_all(const UniqueFd& connection, const std::string& text);

// The size of the answer, which has to be a 200 that names its length.
std::size_t read_answer(const UniqueFd& connection);

std::string get_request(const std::string& path, const std::string& header = {});

// 200 connections from 127.0.0.2 to 127.0.0.5 that have sent half a request and nothing more.
class StalledClients {
public:
    explicit StalledClients(int port);

    // Makes those anew that the server has ended.
    void keep();
    int made() const { return made_; }

private:
    int port_;
    std::vector<UniqueFd> connections_;
    int made_ = 0;
};

}  // namespace leasehold::bench
