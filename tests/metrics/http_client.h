// SPDX-License-Identifier: Apache-2.0
//
// A client and a server on one event loop, driven by the test: no threads, no sleeps.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/http_server.h"

namespace leasehold::metrics {

// One TCP connection to a listening socket, non-blocking.
class Client {
public:
    Client() = default;
    explicit Client(int listener);

    bool connected() const { return static_cast<bool>(fd_); }
    int fd() const { return fd_.get(); }

    // Sends all of it; the kernel's buffers must have room. Returns whether the connection took it.
    bool send(const std::string& bytes);

    // Takes what has arrived. Afterwards `received` is longer, or `closed` true, or neither.
    void receive();

    std::string received;
    bool closed = false;

private:
    UniqueFd fd_;
};

struct Answer {
    int status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
};

// Takes one complete answer off the front of `bytes`; false when it is not complete yet. An answer to HEAD has no body.
bool take_answer(std::string& bytes, Answer& answer, bool head = false);

class ServerTest : public testing::Test {
protected:
    // Starts a server on loopback addresses ("127.0.0.1:0", "[::1]:0"); the handler answers "hello <path>".
    void start(const std::vector<std::string>& addresses, HttpLimits limits = {});
    void start(const std::vector<std::string>& addresses, HttpServer::Handler handler, HttpLimits limits);

    Client connect(std::size_t listener = 0) { return Client(listener_fds_.at(listener)); }

    // Serves the loop until the condition holds; false after a generous limit.
    bool until(const std::function<bool()>& condition);

    // Sends a request on a connection of its own and waits for the answer; status 0 when none came.
    Answer request(const std::string& text, std::size_t listener = 0);
    Answer get(const std::string& path, std::size_t listener = 0);

    // Waits for one answer on an open connection.
    Answer answer(Client& client, bool head = false);

    std::unique_ptr<EventLoop> loop_;
    std::vector<int> listener_fds_;
    std::unique_ptr<HttpServer> server_;
    HttpServer::TlsSource source_;       // of the certificate, if there is to be one
    std::vector<HttpRequest> requests_;  // that the default handler saw
};

}  // namespace leasehold::metrics
