// SPDX-License-Identifier: Apache-2.0
//
// The members of an etcd cluster, and how to get an answer from one of them: requests with one deadline each, and
// streams.
//
// One member is asked at a time. Whoever cannot be reached, or has no leader, is passed over at once within the same
// deadline, as long as that is harmless: the request was never sent, or only reads. After a request that ran into its
// deadline the next one goes to the next member. All members must say that they belong to the same cluster.
//
// With a user name, a token is got by password, and got anew when the server does not know it any more (it lives in the
// memory of the servers): a request that was refused for that was not carried out, and is sent once more.
//
// Every request asks for a member that knows a leader (Grpc-Metadata-hasleader): one that is cut off from the others is
// to say so instead of waiting.
//
// Threads: the loop's. Blocking: reads small local files when they have changed. Ownership: the loop outlives it;
// destroying it drops what is under way, without a callback. A callback may destroy it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/time.h"
#include "election/stores/etcd/options.h"
#include "election/stores/http/client.h"
#include "election/stores/watched_file.h"

namespace leasehold::stores::etcd {

class Cluster {
public:
    struct Call {
        std::string target;  // "/v3/kv/range"
        std::string body;
        bool reads = false;  // changes nothing: may be repeated
    };
    struct Reply {
        http::Answer answer;
        std::string server;  // who gave it, or did not
    };
    using Done = std::function<void(Reply)>;

    // Fails when a file that the options name cannot be used, or libcurl is not there.
    static Result<std::unique_ptr<Cluster>> create(EventLoop& loop, EtcdOptions options);
    ~Cluster();

    // Calls back exactly once, within `timeout`, never from inside the call.
    void send(Call call, Duration timeout, Done done);

    // One attempt at an answer that goes on, at a member that changes only by pass_over_stream().
    std::unique_ptr<http::Client::Stream> stream(const Call& call, Duration open_timeout, bool fresh_connection,
                                                 http::Client::StreamEvents events);

    void pass_over_stream() { ++streaming_; }
    const std::string& stream_server() const { return members_[streaming_ % members_.size()].url; }

    // Whether a stream would be let in. If not, the next request sees to it; after a stream that was refused, say so.
    bool has_token() const { return options_.username.empty() || !token_.empty(); }
    void forget_token() { token_.clear(); }

    std::string servers() const;  // all of them, for people

    // Takes note of the cluster that a member says it belongs to. False when the last word of another member was
    // different: then two clusters are mixed up, or one was just restored under a new id and not all have said so yet.
    bool agrees(const std::string& server, const std::string& cluster_id);
    const std::string& id() const { return cluster_id_; }  // on which all agreed last; empty before the first answer

private:
    struct Member {
        std::string url;
        std::unique_ptr<http::Client> client;
        bool fresh_connection = false;
        std::string cluster_id = {};  // as it said last
    };
    struct Secret;
    struct Pending;

    Cluster(EventLoop& loop, EtcdOptions options) : loop_(loop), options_(std::move(options)) {}
    Result<void> open();
    Result<void> watch_file(const char* what, const std::string& path, WatchedFile::Accept accept);
    std::string text(const std::string& path) const;
    http::Peer peer(const std::string& url) const;
    void use_current_files();
    Member& current() { return members_[current_ % members_.size()]; }
    http::Request request_for(const Call& call, bool with_token) const;
    void attempt(const std::shared_ptr<Pending>& pending);
    void answered(const std::shared_ptr<Pending>& pending, Reply reply);
    void log_in(const std::shared_ptr<Pending>& pending);
    void logged_in(const std::shared_ptr<Pending>& pending, Reply reply);
    void finish(const std::shared_ptr<Pending>& pending, Reply reply);

    EventLoop& loop_;
    const EtcdOptions options_;
    std::vector<WatchedFile> files_;
    std::vector<Member> members_;
    std::size_t current_ = 0;
    std::size_t streaming_ = 0;
    std::string token_;
    std::string password_of_token_;
    std::string cluster_id_;
    std::string problem_;  // of the files, as last told
    std::set<std::shared_ptr<Pending>> pending_;
};

}  // namespace leasehold::stores::etcd
