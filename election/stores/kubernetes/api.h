// SPDX-License-Identifier: Apache-2.0
//
// An API server, with the credentials that a candidate has: requests with one deadline each, and watches.
//
// Credentials are read anew when they change; after a 401 they are got anew (a rotated token, a plugin asked again) and
// the request is sent once more, within its deadline: a 401 says for certain that nothing was done. When none were had,
// the 401's `detail` says why. After a request that ran into its deadline no connection of before is used any more.
//
// Threads: the loop's. Blocking: as access.h. Ownership: the loop outlives it; destroying it drops what is under way,
// without a callback. A callback may destroy it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/time.h"
#include "election/stores/http/client.h"
#include "election/stores/kubernetes/access.h"
#include "election/stores/kubernetes/refusal.h"

namespace leasehold::stores::kubernetes {

class Api {
public:
    using Done = http::Client::Done;

    struct Call {
        std::string method = "GET";
        std::string target;
        std::string body{};
        std::string content_type = "application/json";
    };

    // `client` is what talks to the server; one of its own if none is given.
    static Result<std::unique_ptr<Api>> create(EventLoop& loop, std::unique_ptr<Access> access,
                                               std::unique_ptr<http::Client> client = nullptr);
    ~Api();

    // Calls back exactly once, within `timeout`, never from inside the call.
    void send(Call call, Duration timeout, Done done);

    // One attempt at an answer that goes on; nothing is repeated. After a 401, renew_credentials() and try again.
    std::unique_ptr<http::Client::Stream> stream(const std::string& target, Duration open_timeout,
                                                 bool fresh_connection, http::Client::StreamEvents events);

    void renew_credentials();

    // explain(), of this server. When a right is missing, the Role that gives it is printed in the log, once for each
    // action, if print_missing_rights() has said what a run needs.
    Refusal refusal_of(const http::Answer& answer, const Action& action);
    void print_missing_rights(Needs needs) { needs_ = std::move(needs); }

    const Access& access() const { return *access_; }
    const std::string& server() const { return server_; }  // its URL, for people

private:
    struct Pending;

    Api(EventLoop& loop, std::unique_ptr<Access> access) : loop_(loop), access_(std::move(access)) {}
    void attempt(const std::shared_ptr<Pending>& pending);
    void answered(const std::shared_ptr<Pending>& pending, http::Answer answer);
    void wait_for_credentials(const std::shared_ptr<Pending>& pending);
    void finish(const std::shared_ptr<Pending>& pending, http::Answer answer);
    http::Answer no_credentials_in_time(const Pending& pending) const;
    Access::Current use_current();

    EventLoop& loop_;
    std::unique_ptr<Access> access_;
    std::unique_ptr<http::Client> client_;
    std::string server_;
    http::Peer peer_;
    std::string problem_;          // of the credentials, as last told
    std::string refresh_problem_;  // of renewing them, as last told
    std::optional<Needs> needs_;
    std::vector<Action> denied_;  // the Role was printed for these
    std::set<std::shared_ptr<Pending>> pending_;
};

}  // namespace leasehold::stores::kubernetes
