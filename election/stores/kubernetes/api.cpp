// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/api.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/duration_text.h"
#include "base/log.h"

namespace leasehold::stores::kubernetes {
namespace {

http::Request request_for(const Api::Call& call, const Access::Current& current) {
    http::Request request;
    request.method = call.method;
    request.target = call.target;
    request.headers = {"Accept: application/json", "User-Agent: leasehold"};
    if (!call.body.empty()) request.headers.push_back("Content-Type: " + call.content_type);
    if (!current.authorization.empty()) request.headers.push_back("Authorization: " + current.authorization);
    request.body = call.body;
    return request;
}

}  // namespace

// One call, over all its attempts.
struct Api::Pending {
    Call call;
    Instant started;
    Duration timeout{};
    Done done;
    Access::Current used;  // by the attempt under way
    bool renewed_credentials = false;
    std::optional<http::Answer> refused;  // the 401 that made us ask for credentials
    std::unique_ptr<Timer> timer;         // while waiting for credentials

    Duration left() const { return timeout - elapsed_at_most(started, now()); }
};

Result<std::unique_ptr<Api>> Api::create(EventLoop& loop, std::unique_ptr<Access> access,
                                         std::unique_ptr<http::Client> client) {
    std::unique_ptr<Api> api(new Api(loop, std::move(access)));
    const Access::Current current = api->access_->current();
    api->peer_ = current.peer;
    api->server_ = current.peer.base_url;
    api->client_ = std::move(client);
    if (api->client_) return api;
    auto made = http::Client::create(loop, current.peer);
    if (!made) return tl::unexpected<Error>(made.error());
    api->client_ = std::move(*made);
    return api;
}

Api::~Api() = default;

Access::Current Api::use_current() {
    Access::Current current = access_->current();
    if (current.problem != problem_ && !current.problem.empty()) log::warn("kubernetes: {}", current.problem);
    problem_ = current.problem;
    if (!(current.peer == peer_)) {
        peer_ = current.peer;
        client_->set_peer(peer_);
    }
    return current;
}

void Api::send(Call call, Duration timeout, Done done) {
    auto pending = std::make_shared<Pending>();
    pending->call = std::move(call);
    pending->started = now();
    pending->timeout = timeout;
    pending->done = std::move(done);
    pending_.insert(pending);
    attempt(pending);
}

void Api::attempt(const std::shared_ptr<Pending>& pending) {
    pending->used = use_current();
    if (!pending->used.ready && !pending->renewed_credentials) {
        wait_for_credentials(pending);
        return;
    }
    client_->send(request_for(pending->call, pending->used), pending->left(),
                  [this, pending](http::Answer answer) { answered(pending, std::move(answer)); });
}

void Api::answered(const std::shared_ptr<Pending>& pending, http::Answer answer) {
    if (answer.failure == http::Failure::timeout) client_->drop_connections();
    if (answer.failure == http::Failure::none && answer.status == 401 && !pending->renewed_credentials) {
        pending->refused = std::move(answer);
        // Others may have brought newer ones meanwhile.
        const Access::Current current = access_->current();
        const bool same = current.authorization == pending->used.authorization && current.peer == pending->used.peer;
        if (same || !current.ready) return wait_for_credentials(pending);
        return attempt(pending);
    }
    finish(pending, std::move(answer));
}

// Nothing was sent, or all that was sent was refused for certain.
http::Answer Api::no_credentials_in_time(const Pending& pending) const {
    http::Answer answer;
    if (pending.refused) {
        answer = *pending.refused;
    } else {
        answer.failure = http::Failure::connect;
    }
    answer.detail = fmt::format("the credential plugin of {} gave none within the {} that there were",
                                access_->origin(), to_rounded_text(pending.timeout));
    return answer;
}

void Api::wait_for_credentials(const std::shared_ptr<Pending>& pending) {
    pending->renewed_credentials = true;
    const std::weak_ptr<Pending> waiting = pending;
    const auto give_up = [this, waiting] {
        const auto found = waiting.lock();
        if (found) finish(found, no_credentials_in_time(*found));
    };
    auto timer = Timer::create(loop_, give_up);
    if (timer) {
        pending->timer = std::move(*timer);
        pending->timer->arm_in(pending->left());
    }
    access_->refresh([this, waiting](const Result<void>& refreshed) {
        const auto found = waiting.lock();
        if (!found || !pending_.contains(found)) return;
        found->timer.reset();
        if (refreshed) {
            attempt(found);
        } else {
            http::Answer answer = found->refused ? *found->refused : http::Answer();
            if (!found->refused) answer.failure = http::Failure::connect;
            answer.detail = refreshed.error().message;
            finish(found, std::move(answer));
        }
    });
}

// The last thing that is done: the callback may destroy this.
void Api::finish(const std::shared_ptr<Pending>& pending, http::Answer answer) {
    if (pending_.erase(pending) == 0) return;
    pending->timer.reset();
    const Done done = std::move(pending->done);
    done(std::move(answer));
}

Refusal Api::refusal_of(const http::Answer& answer, const Action& action) {
    Refusal refusal = explain(answer, action, server_);
    const bool told = std::find(denied_.begin(), denied_.end(), action) != denied_.end();
    if (refusal.denied_user.empty() || !needs_ || told) return refusal;
    denied_.push_back(action);
    const std::string yaml = role_yaml(*needs_, refusal.denied_user);
    const bool bound = yaml.find("kind: RoleBinding") != std::string::npos;
    log::warn("kubernetes: {} may not {} {}; this allows all that a run needs{}:", refusal.denied_user, action.verb,
              action.resource, bound ? "" : ", once the Role is bound to that user");
    log::listing(log::Level::warn, yaml);
    return refusal;
}

void Api::renew_credentials() {
    access_->refresh([this](const Result<void>& refreshed) {
        const std::string problem = refreshed ? "" : refreshed.error().message;
        if (problem != refresh_problem_ && !problem.empty()) log::warn("kubernetes: {}", problem);
        refresh_problem_ = problem;
    });
}

std::unique_ptr<http::Client::Stream> Api::stream(const std::string& target, Duration open_timeout,
                                                  bool fresh_connection, http::Client::StreamEvents events) {
    const Access::Current current = use_current();
    http::Request request = request_for({.target = target}, current);
    request.fresh_connection = fresh_connection;
    return client_->stream(std::move(request), open_timeout, Duration::zero(), std::move(events));
}

}  // namespace leasehold::stores::kubernetes
