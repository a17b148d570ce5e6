// SPDX-License-Identifier: Apache-2.0
//
// The servers of one ensemble, and how calls get to one of them: a call is a few requests on one connection, with one
// deadline for all.
//
// There is one connection at a time, made when a call needs one, and kept. A server that cannot be used is passed over
// at once, within the deadline of the calls that wait; when all have been tried for a call, it fails, and says why
// each; after all a pause. A connection is good from its first answer on: one that is lost before has failed like one
// that could not be made. A call that loses its connection is begun again elsewhere, unless its deciding write has been
// sent. After a call that ran into its deadline nothing of its connection is used again, not by its callback either.
// When the credential has changed, the calls under way come to their end before the connection is replaced.
//
// Threads: the loop's. Blocking: reads a small local file when it has changed. Ownership: the loop outlives it;
// destroying it drops what is under way, without a callback. A callback may destroy it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/growing_pause.h"
#include "base/result.h"
#include "base/time.h"
#include "election/stores/watched_file.h"
#include "election/stores/zookeeper/connection.h"
#include "election/stores/zookeeper/options.h"

namespace leasehold::stores::zookeeper {

class EnsembleClient {
public:
    class Call;
    using CallPointer = std::shared_ptr<Call>;

    struct Plan {
        Duration timeout{};
        // Makes the first requests, on a connection that stands. May be called again from the beginning.
        std::function<void(const CallPointer&)> begin;
        // There is no answer. `may_be_applied`: the deciding write was sent.
        std::function<void(const Problem&, bool may_be_applied)> failed;
    };
    struct Events {
        std::function<void(const Problem&)> lost;  // a connection that was good, whatever the reason
        std::function<void()> changed;             // a watch has fired
    };

    // Fails when the file that the options name cannot be used, or ZooKeeper's client is not there.
    static Result<std::unique_ptr<EnsembleClient>> create(EventLoop& loop, ZookeeperOptions options, Events events);
    ~EnsembleClient();

    // Calls `begin` and at most once `failed`, within the timeout, never from inside this.
    void start(Plan plan);

    // The steps of a call. Each `next` is called at most once, and only while the call is not over and its connection
    // stands; it gets what a server answered, never a loss.
    using Next = Connection::Answer;
    void get(const CallPointer& call, const std::string& path, bool watch, Next next);
    void watch_for_existence(const CallPointer& call, const std::string& path, Next next);
    void children(const CallPointer& call, const std::string& path, Next next);
    void create_node(const CallPointer& call, const std::string& path, Next next);
    // `decides`: from now on the call cannot be begun again.
    void multi(const CallPointer& call, const std::vector<Operation>& operations, bool decides, Next next);

    // The call has what it wanted, or knows that it cannot have it.
    void finish(const CallPointer& call);

    std::string server() const;   // that the calls are at; or all, without a connection
    std::string servers() const;  // all, for people
    bool authenticates() const { return !options_.auth_file.empty(); }
    const char* text_of(int code) const { return library_.text_of(code); }

private:
    EnsembleClient(EventLoop& loop, const ClientLibrary& library, ZookeeperOptions options, Events events);
    Result<void> open();
    void use_current_file();
    Next guarded(const CallPointer& call, Next next);
    void on_up();
    void connect();
    void prove();
    void lose(Problem problem, bool to_replace = false);
    void replace_connection();
    void retry_later();
    bool any_under_way() const;
    void await_deadlines();
    void on_deadline();
    void out_of_time(const CallPointer& call);
    void drop_what_it_waited_for(bool had_begun, const Problem& problem);
    void fail(const CallPointer& call, const Problem& problem);
    Problem all_problems() const;

    EventLoop& loop_;
    const ClientLibrary& library_;
    const ZookeeperOptions options_;
    const Events events_;
    std::unique_ptr<WatchedFile> auth_file_;
    std::string credential_;  // as last used
    bool outdated_ = false;   // the connection has another one
    std::string file_problem_;
    std::unique_ptr<Timer> retry_timer_;
    std::unique_ptr<Timer> deadline_timer_;  // of the call that has the least time left
    std::shared_ptr<std::atomic<int>> keepers_ = std::make_shared<std::atomic<int>>(0);
    std::unique_ptr<Connection> connection_;
    Instant connecting_since_{};
    bool is_up_ = false;
    bool is_good_ = false;  // has answered
    std::size_t current_ = 0;
    std::size_t failures_ = 0;       // of attempts to connect, one after the other
    std::vector<Problem> problems_;  // of each server, the last one
    // Before the next attempt, once all have been tried.
    GrowingPause pause_{std::chrono::milliseconds(50), std::chrono::seconds(1)};
    std::set<CallPointer> calls_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class EnsembleClient::Call {
    friend class EnsembleClient;

    Duration left(Instant at) const { return plan_.timeout - elapsed_at_most(started_, at); }

    Plan plan_;
    Instant started_{};
    bool is_over_ = false;
    bool has_begun_ = false;  // on the present connection
    bool decided_ = false;
    unsigned attempt_ = 0;
    std::size_t failures_ = 0;  // of attempts to connect, while it waited
};

}  // namespace leasehold::stores::zookeeper
