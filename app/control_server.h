// SPDX-License-Identifier: Apache-2.0
//
// The serving end of the control socket: reads a line from each client, has it answered, and closes. Nothing that a
// client does or does not do delays another one for long or makes anything grow: requests have a greatest length,
// clients a time limit and a greatest number, above which the one that has been there longest has to go.
//
// Who may ask is the user that this process runs as, and root, by the kernel's word (SO_PEERCRED) and not by the mode
// of a file that somebody may have changed.
//
// Threads: the event loop's, which outlives it. Never blocks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace leasehold::app {

struct ControlPeer {
    uid_t user = 0;
    pid_t process = 0;
};

class ControlServer {
public:
    struct Limits {
        std::size_t clients = 16;
        Duration patience = std::chrono::seconds(5);  // from a client's first moment to its last
    };
    // The line to answer, with its line feed. `request` has none; it is cut off, or too long, when `whole` is false.
    using Handler = std::function<std::string(std::string_view request, bool whole, const ControlPeer& peer)>;

    static Result<std::unique_ptr<ControlServer>> start(EventLoop& loop, UniqueFd listener, Handler handler,
                                                        Limits limits);
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    std::size_t clients() const { return clients_.size(); }

private:
    struct Client {
        UniqueFd socket;
        ControlPeer peer;
        std::string request;
        std::string answer;  // what is still to be sent of it
        bool answering = false;
        std::unique_ptr<Timer> limit;
    };
    using Number = std::uint64_t;  // grows, so the first in the map has been there longest

    ControlServer(EventLoop& loop, UniqueFd listener, Handler handler, Limits limits)
        : loop_(loop), listener_(std::move(listener)), handler_(std::move(handler)), limits_(limits) {}
    Result<void> listen();
    void accept_clients();
    void admit(UniqueFd socket);
    bool watch(Number number, std::uint32_t events);
    void serve(Number number);
    void read_request(Number number, Client& client);
    void send_answer(Number number, Client& client);
    void drop(Number number);

    EventLoop& loop_;
    UniqueFd listener_;
    Handler handler_;
    Limits limits_;
    std::unique_ptr<Timer> again_;  // when there was no descriptor left for a client
    std::map<Number, Client> clients_;
    Number last_number_ = 0;
};

}  // namespace leasehold::app
