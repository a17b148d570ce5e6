// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/1.1 server inside the test program that does exactly what the test tells it to, also what no healthy server
// does. A contract for the tests of several rooms.
//
// A request is answered by the next queued reply; if there is none, by the handler; without one, by a 404. Everything
// that arrives is recorded.
//
// Threads: it runs in threads of its own, one for each connection; all members here may be called from any thread. The
// handler is called by those threads, one call at a time, and must not block. Blocking: the destructor waits until its
// threads have ended, which connections cannot delay. What cannot be set up ends the test program with a message.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/time.h"
#include "tests/servers/scripted_tls.h"

namespace leasehold::servers {

class Connection;

struct Request {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    int connection = 0;          // 1 is the first that was accepted
    std::string client_subject;  // of the client's certificate, "CN=agent,O=leasehold"; empty: none
    bool resumed = false;        // the TLS session is that of an earlier connection
};

// A body that goes on for as long as the test likes: a watch. Each push is one chunk. For one reply only.
class Feed {
public:
    Feed();

    void push(std::string data);
    void end();   // the body is complete
    void tear();  // the connection is closed in the middle of the body

    // For the server: waits on descriptor() between calls of next().
    struct Step {
        enum class What { wait, data, end, tear } what = What::wait;
        std::string data;
    };
    Step next();
    int descriptor() const { return wakeup_.get(); }

private:
    void add(Step step);

    UniqueFd wakeup_;
    std::mutex mutex_;
    std::deque<Step> steps_;
};

struct Reply {
    enum class Way {
        answer,
        silence,  // never; the connection stays open
        close,    // the connection is closed instead: the answer is lost after the request was carried out
        reset,    // the same by RST
        raw,      // `body` is sent as it is, then the connection is closed
        tunnel,   // a proxy's answer to CONNECT: connects to the target and hands all on
    };
    Way way = Way::answer;
    int status = 200;
    std::vector<std::string> headers;  // "Name: value"; what tells the body's length is added
    std::string body;
    std::optional<std::size_t> declared_length;  // another Content-Length; if it is more, the connection is closed
    std::shared_ptr<Feed> feed;                  // instead of `body`, in chunks
    std::vector<int> interim;                    // statuses of interim answers before it: 100, 103
    bool close_after = false;                    // with "Connection: close"
    std::size_t drip_bytes = 0;                  // sent at a time, each `drip_interval`; zero: all at once
    Duration drip_interval = std::chrono::milliseconds(10);

    static Reply json(int status, std::string body);
    static Reply text(int status, std::string body);
    static Reply html(int status, std::string body);  // as a proxy in between would
    static Reply throttled(int retry_after_seconds);  // 429
    static Reply redirect(const std::string& location);
    static Reply truncated(std::string body, std::size_t missing);
    static Reply drip(std::string body, std::size_t bytes, Duration interval);
    static Reply stream(std::shared_ptr<Feed> feed);
    static Reply raw(std::string bytes);
    static Reply by(Way way);
};

struct ServerOptions {
    std::string address = "127.0.0.1";  // or "::1"
    int port = 0;                       // zero: a free one
    std::optional<TlsOptions> tls;
};

class ScriptedServer {
public:
    // What a new connection meets before anything is read from it.
    enum class Greeting {
        serve,
        silence,  // nothing, not even the TLS handshake
        deaf,     // that is done, but nothing is read afterwards
        close,
        reset,
    };
    using Handler = std::function<Reply(const Request&)>;

    explicit ScriptedServer(ServerOptions options = {});
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    // Nothing instead, when the port of the options is taken.
    static std::unique_ptr<ScriptedServer> on_port_if_free(ServerOptions options);

    int port() const { return port_; }
    std::string authority() const;  // "127.0.0.1:40123", "[::1]:40123"
    std::string url() const;        // "https://127.0.0.1:40123"

    void handle(Handler handler);
    void queue(Reply reply, int times = 1);
    void greet(std::function<Greeting(int connection)> greeting);
    void disconnect();  // closes all connections that there are, whatever they are at

    std::vector<Request> requests() const;
    std::size_t request_count() const;
    int connections() const;       // accepted so far
    int open_connections() const;  // of these
    std::vector<std::string> handshake_failures() const;

    // Waits for something of the above to become so; false when it has not after a generous time.
    bool wait_until(const std::function<bool()>& condition) const;

private:
    struct Bound {
        UniqueFd fd;
        int port = 0;
    };
    ScriptedServer(ServerOptions options, Bound bound);
    static std::optional<Bound> bind_to(const ServerOptions& options);
    void accept_all();
    void serve(const std::shared_ptr<Connection>& connection);
    Reply reply_to(Request request);

    const ServerOptions options_;
    std::shared_ptr<ssl_ctx_st> tls_;
    UniqueFd listener_;
    int port_ = 0;
    UniqueFd stop_;

    std::mutex handler_mutex_;
    Handler handler_;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::function<Greeting(int)> greeting_;
    std::deque<Reply> queue_;
    std::vector<Request> requests_;
    std::vector<std::string> handshake_failures_;
    std::map<int, std::shared_ptr<Connection>> open_;
    int accepted_ = 0;
    std::vector<std::thread> workers_;
    std::thread acceptor_;
};

// An address where nobody answers, not even to a SYN: a listening socket whose queue is full (Linux drops further
// ones). Nothing if the port is taken on this address.
class BlackHole {
public:
    static std::unique_ptr<BlackHole> make(const std::string& address, int port);

private:
    UniqueFd listener_;
    std::vector<UniqueFd> queue_;
};

}  // namespace leasehold::servers
