// SPDX-License-Identifier: Apache-2.0
//
// The members of an etcd cluster, and how to get an answer from one of them: requests with one deadline each, and
// streams.
//
// One member is asked at a time, and left for the next one when it does not answer as etcd does when all is well. What
// was certainly not sent, or only reads, is asked of the next one within the same deadline; a write that may have been
// carried out never is. Answers count only if their cluster is the one that the endpoints belong to (identity.h).
//
// With a user name, a token is got by password, and got anew when the server does not know it any more (it lives in the
// memory of the servers) or the password file has changed. A new password that is refused does no harm as long as the
// old token works. Where authentication is not switched on, none is used.
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
#include "election/stores/etcd/identity.h"
#include "election/stores/etcd/options.h"
#include "election/stores/etcd/refusal.h"
#include "election/stores/http/client.h"
#include "election/stores/peer_files.h"

namespace leasehold::stores::etcd {

class Cluster {
public:
    struct Call {
        std::string target;  // "/v3/kv/range"
        std::string body;
        std::string action;  // for people: "read", "write", "watch"
        bool reads = false;  // changes nothing: may be repeated
    };
    struct Reply {
        std::string server;  // who gave it, or did not
        std::string body;    // of a success, from a member of the cluster
        std::optional<Explanation> refusal;
    };
    using Done = std::function<void(Reply)>;

    // `key` is for people. Fails when a file that the options name cannot be used, or libcurl is not there.
    static Result<std::unique_ptr<Cluster>> create(EventLoop& loop, EtcdOptions options, std::string key);
    ~Cluster();

    // Calls back exactly once, within `timeout`, never from inside the call.
    void send(Call call, Duration timeout, Done done);

    // One attempt at an answer that goes on, at the member that is asked now.
    std::unique_ptr<http::Client::Stream> stream(const Call& call, Duration open_timeout, bool fresh_connection,
                                                 http::Client::StreamEvents events);
    const std::string& stream_server() const { return members_[streaming_].url; }
    void leave_stream_server() { leave(streaming_); }

    // Whether a stream would be let in. If not, the next request sees to it.
    bool has_token() const { return options_.username.empty() || no_authentication_ || !token_.empty(); }
    void forget_stream_token() { forget(token_of_stream_); }

    std::string servers() const;  // all of them, for people
    Identity& identity() { return *identity_; }

private:
    struct Member {
        std::string url;
        std::unique_ptr<http::Client> client;
        bool fresh_connection = false;
    };
    struct Pending;
    using Shared = std::shared_ptr<Pending>;

    Cluster(EventLoop& loop, EtcdOptions options, std::string key)
        : loop_(loop), options_(std::move(options)), key_(std::move(key)) {}
    Result<void> open();
    void use_current_files();
    http::Request request_for(const Call& call, const std::string& token) const;
    void ask_identity(std::size_t member, Duration timeout, Identity::Answered answered);

    void attempt(const Shared& pending);
    void answered(const Shared& pending, std::size_t member, const std::string& token, http::Answer answer);
    std::optional<Explanation> judge(const Call& call, const std::string& server, const http::Answer& answer);
    bool goes_elsewhere(const Shared& pending, std::size_t member, const Explanation& refusal, bool harmless);
    void finish(const Shared& pending, Reply reply);
    void leave(std::size_t member);

    bool needs_login() const;
    void log_in(const Shared& pending);
    void logged_in(const Shared& pending, std::size_t member, const std::string& password, const http::Answer& answer);
    void forget(const std::string& token);

    EventLoop& loop_;
    const EtcdOptions options_;
    const std::string key_;
    PeerFiles files_{"election.store.etcd"};
    std::vector<Member> members_;
    std::unique_ptr<Identity> identity_;
    std::size_t current_ = 0;
    std::size_t streaming_ = 0;
    std::string token_;
    std::string token_of_stream_;
    std::string password_of_token_;
    std::string refused_password_;
    bool no_authentication_ = false;
    std::set<Shared> pending_;
};

}  // namespace leasehold::stores::etcd
