// SPDX-License-Identifier: Apache-2.0
//
// What one handle of ZooKeeper's client and the event loop share. The client makes its calls back on a thread of its
// own, and making and closing a handle blocks; so each handle has a keeper, a thread that makes it, waits until it is
// given up, and closes it. Everything that happens becomes a letter to the loop.
//
// Threads: the keeper's and the client's put letters, the loop's takes them and alone asks for anything. Whoever is
// last frees it: nobody waits for anybody. Blocking: nothing that the loop calls.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "election/stores/zookeeper/client_library.h"
#include "election/stores/zookeeper/greeting.h"

namespace leasehold::stores::zookeeper {

// As far as it matters here, see "struct Stat". Numbers of transactions grow over the whole ensemble.
struct NodeState {
    std::int64_t created = 0;   // the transaction that made the znode; tells it from others of the same path
    std::int64_t modified = 0;  // the last one that wrote it
    std::int32_t version = 0;   // counts those writes, from 0
};

struct Reply {
    int code = 0;       // ZOO_ERRORS
    std::string data;   // of get
    NodeState state{};  // of get; of the last set in a multi
    std::vector<std::string> children{};
};

struct Letter {
    enum class Kind { greeted, up, down, changed, reply };
    Kind kind = Kind::down;
    std::uint64_t id = 0;  // of the request, of a reply
    Reply reply{};
    Problem problem{};  // of down
    zhandle_t* handle = nullptr;
};

class Link {
public:
    struct Options {
        std::string server;
        bool one_of_several = false;                // of the configured ones
        std::shared_ptr<std::atomic<int>> keepers;  // how many there are; one more while this has one
    };

    // Fails when there are no descriptors or threads left. The library lives for ever.
    static Result<std::shared_ptr<Link>> open(const ClientLibrary& library, Options options);

    int fd() const { return event_.get(); }  // readable when there is something to take
    std::vector<Letter> take();

    // The keeper closes the handle; the loop must not use it any more.
    void give_up();

    // What a request needs until it is answered. The library's own types, at addresses that stay.
    struct Request {
        Link* link = nullptr;
        std::uint64_t id = 0;
        ::Stat stat{};
        std::vector<zoo_op_result_t> results{};
    };
    Request& add_request(std::uint64_t id, std::size_t operations = 0);
    void answer(Request& request, Reply reply);  // forgets the request

    void put(Letter letter);

    // For the calls back of the library; the context is a Link.
    static void on_change(zhandle_t* handle, int type, int state, const char* path, void* context);

private:
    Link(const ClientLibrary& library, Options options, UniqueFd event)
        : library_(library), options_(std::move(options)), event_(std::move(event)) {}

    static void on_session(zhandle_t* handle, int type, int state, const char* path, void* context);
    void keep();
    bool given_up();

    const ClientLibrary& library_;
    const Options options_;
    const UniqueFd event_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool given_up_ = false;
    std::vector<Letter> letters_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Request>> requests_;
};

}  // namespace leasehold::stores::zookeeper
