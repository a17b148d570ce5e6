// SPDX-License-Identifier: Apache-2.0
//
// One session with one server, over one connection, never taken up again once that is lost: the next connection is a
// new session, with any server. So nothing that is stuck is used again, and a server that has less than an earlier one
// showed (it lags, or all were restored from a backup) is not refused for ever, as ZooKeeper's client would do. Nothing
// of ours depends on a session: there are no ephemeral znodes, and a lease is a matter of time alone.
//
// Threads: the loop's. Never blocks; destroying it waits for nobody: the session is closed by a thread of its own, or
// runs out in the server. Callbacks come one at a time, never from inside a call, and may destroy it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "election/stores/zookeeper/client_library.h"
#include "election/stores/zookeeper/link.h"

namespace leasehold::stores::zookeeper {

struct Operation {
    enum class Kind { create, set, check };
    Kind kind = Kind::check;
    std::string path;
    std::string data{};         // of create and set
    std::int32_t version = -1;  // for set and check; -1: any
};

class Connection {
public:
    struct Target {
        std::string server;
        bool one_of_several = false;  // of the configured servers
        std::string scheme;           // of the credential; empty: there is none
        std::string credential;       // "user:password"
        Duration patience{};          // with the lookup of its name; and then, up to 3 s of it, with the session
        std::shared_ptr<std::atomic<int>> keepers;
    };
    struct Events {
        std::function<void()> up;           // once; requests may be made from now on
        std::function<void(Problem)> down;  // once, and nothing after it
        std::function<void()> changed;      // a watch has fired
    };
    using Answer = std::function<void(Reply)>;

    // The library lives for ever.
    static Result<std::unique_ptr<Connection>> open(EventLoop& loop, const ClientLibrary& library, Target target,
                                                    Events events);
    ~Connection();

    const std::string& server() const { return target_.server; }

    // Requests are carried out, and answered, in the order in which they are made. `watch`: the next change of this
    // path is told once, before any answer that shows it.
    void get(const std::string& path, bool watch, Answer answer);
    void watch_for_existence(const std::string& path, Answer answer);
    void children(const std::string& path, Answer answer);
    void create(const std::string& path, Answer answer);  // empty
    void multi(const std::vector<Operation>& operations, Answer answer);

private:
    Connection(EventLoop& loop, const ClientLibrary& library, Target target, Events events)
        : loop_(loop), library_(library), target_(std::move(target)), events_(std::move(events)) {}

    void out_of_patience();
    void take();
    void deliver(Letter& letter);
    void authenticate();
    void down(Problem problem);
    Link::Request& new_request(Answer answer, std::size_t operations = 0);
    void sent(Link::Request& request, int code);
    ACL_vector acl() const;

    EventLoop& loop_;
    const ClientLibrary& library_;
    const Target target_;
    const Events events_;
    std::shared_ptr<Link> link_;
    std::unique_ptr<Timer> patience_;
    zhandle_t* handle_ = nullptr;
    std::uint64_t last_id_ = 0;
    std::unordered_map<std::uint64_t, Answer> answers_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    bool greeted_ = false;
    bool is_down_ = false;
};

}  // namespace leasehold::stores::zookeeper
