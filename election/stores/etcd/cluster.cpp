// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/cluster.h"

#include <utility>

#include <fmt/ranges.h>

#include "base/clock.h"
#include "base/log.h"
#include "election/stores/etcd/messages.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::etcd {
namespace {

Result<std::string> accept_password(const std::string& text) {
    const std::string password = text.substr(0, text.find_first_of("\r\n"));
    if (password.empty()) return failure("is empty; its first line is to be the password");
    return password;
}

}  // namespace

// One call, over all its attempts.
struct Cluster::Pending {
    Call call;
    Instant started;
    Duration timeout{};
    Done done;
    std::size_t tried = 0;  // members, so far
    bool logged_in = false;

    Duration left() const { return timeout - elapsed_at_most(started, now()); }
};

Result<std::unique_ptr<Cluster>> Cluster::create(EventLoop& loop, EtcdOptions options, std::string key) {
    std::unique_ptr<Cluster> cluster(new Cluster(loop, std::move(options), std::move(key)));
    if (auto opened = cluster->open(); !opened) return tl::unexpected<Error>(opened.error());
    return cluster;
}

Cluster::~Cluster() = default;

Result<void> Cluster::open() {
    auto done = files_.add_certificates(options_.ca_file, options_.cert_file, options_.key_file);
    if (done) done = files_.add("password_file", options_.password_file, accept_password);
    if (!done) return done;
    for (const std::string& url : options_.endpoints) {
        auto client = http::Client::create(loop_, files_.peer(url));
        if (!client) return tl::unexpected<Error>(client.error());
        members_.push_back({url, std::move(*client)});
    }
    const auto ask = [this](std::size_t member, Duration timeout, Identity::Answered answered) {
        ask_identity(member, timeout, std::move(answered));
    };
    identity_ = std::make_unique<Identity>(options_.endpoints, ask);
    return {};
}

void Cluster::use_current_files() {
    const http::Peer before = files_.peer("");
    files_.refresh();
    if (files_.peer("") == before) return;
    for (Member& member : members_) member.client->set_peer(files_.peer(member.url));
}

http::Request Cluster::request_for(const Call& call, const std::string& token) const {
    http::Request request;
    request.method = "POST";
    request.target = call.target;
    request.headers = {"Content-Type: application/json", "User-Agent: leasehold", "Grpc-Metadata-hasleader: true"};
    if (!token.empty()) request.headers.push_back("Authorization: " + token);
    request.body = call.body;
    return request;
}

// The one request that needs no token.
void Cluster::ask_identity(std::size_t member, Duration timeout, Identity::Answered answered) {
    const Call call{"/v3/maintenance/status", status_request(), "read", true};
    members_[member].client->send(request_for(call, ""), timeout, [answered](const http::Answer& answer) {
        std::string problem;
        const bool good = answer.failure == http::Failure::none && answer.status == 200;
        const auto header = good ? parse_header(answer.body, problem) : std::nullopt;
        answered(header ? header->cluster_id : "");
    });
}

void Cluster::send(Call call, Duration timeout, Done done) {
    auto pending = std::make_shared<Pending>();
    pending->call = std::move(call);
    pending->started = now();
    pending->timeout = timeout;
    pending->done = std::move(done);
    pending_.insert(pending);
    use_current_files();
    identity_->keep_up();
    if (timeout <= Duration::zero() || identity_->known(timeout / 2, [this, pending] { attempt(pending); })) {
        attempt(pending);
    }
}

void Cluster::attempt(const Shared& pending) {
    if (needs_login() && !pending->logged_in) return log_in(pending);
    const std::size_t member = current_;
    Member& asked = members_[member];
    http::Request request = request_for(pending->call, token_);
    request.fresh_connection = std::exchange(asked.fresh_connection, false);
    // A member that does not answer at all leaves time for another one.
    const bool last = !pending->call.reads || pending->tried + 1 >= members_.size();
    const Duration limit = last ? pending->left() : pending->left() / 2;
    asked.client->send(std::move(request), limit, [this, pending, member, token = token_](http::Answer answer) {
        answered(pending, member, token, std::move(answer));
    });
}

// Nothing when it is as it should be.
std::optional<Explanation> Cluster::judge(const Call& call, const std::string& server, const http::Answer& answer) {
    if (answer.failure != http::Failure::none || answer.status != 200) {
        return explain(answer, call.action, key_, server);
    }
    std::string problem;
    const auto header = parse_header(answer.body, problem);
    if (!header) return malformed(problem, server);
    if (identity_->accepts(header->cluster_id)) return std::nullopt;
    return Explanation{"another_cluster", identity_->problem(server, header->cluster_id)};
}

void Cluster::answered(const Shared& pending, std::size_t member, const std::string& token, http::Answer answer) {
    const std::string& server = members_[member].url;
    const auto refusal = judge(pending->call, server, answer);
    if (!refusal) return finish(pending, {server, std::move(answer.body), std::nullopt});
    if (answer.failure == http::Failure::timeout) members_[member].fresh_connection = true;
    if (refusal->asks_for_token && !options_.username.empty() && !pending->logged_in) {
        no_authentication_ = false;
        forget(token);
        return attempt(pending);
    }
    const bool never_sent = answer.failure != http::Failure::none && !answer.sent;
    if (goes_elsewhere(pending, member, *refusal, pending->call.reads || never_sent)) return attempt(pending);
    finish(pending, {server, "", refusal});
}

bool Cluster::goes_elsewhere(const Shared& pending, std::size_t member, const Explanation& refusal, bool harmless) {
    if (!refusal.elsewhere) return false;
    leave(member);
    return harmless && ++pending->tried < members_.size() && pending->left() > Duration::zero();
}

// Several requests may fail there at once, and the next one is to be left only by those that were there.
void Cluster::leave(std::size_t member) {
    if (current_ == member) current_ = (current_ + 1) % members_.size();
}

// The last thing that is done: the callback may destroy this.
void Cluster::finish(const Shared& pending, Reply reply) {
    if (pending_.erase(pending) == 0) return;
    const Done done = std::move(pending->done);
    done(std::move(reply));
}

// ---- tokens -------------------------------------------------------------------------------------------------------

bool Cluster::needs_login() const {
    if (options_.username.empty() || no_authentication_) return false;
    const std::string password = files_.text("password_file");
    return token_.empty() || (password != password_of_token_ && password != refused_password_);
}

void Cluster::log_in(const Shared& pending) {
    pending->logged_in = true;
    const std::size_t member = current_;
    const std::string password = files_.text("password_file");
    const Call call{"/v3/auth/authenticate", authenticate_request(options_.username, password), "log in", true};
    members_[member].client->send(request_for(call, ""), pending->left(),
                                  [this, pending, member, password](const http::Answer& answer) {
                                      logged_in(pending, member, password, answer);
                                  });
}

void Cluster::logged_in(const Shared& pending, std::size_t member, const std::string& password,
                        const http::Answer& answer) {
    const std::string& server = members_[member].url;
    std::string problem;
    std::optional<std::string> token;
    if (answer.failure == http::Failure::none && answer.status == 200) token = parse_token(answer.body, problem);
    if (token) {
        token_ = *token;
        password_of_token_ = password;
        return attempt(pending);
    }
    auto refusal = answer.status == 200 ? malformed(problem, server) : explain(answer, "log in", key_, server);
    refusal.not_applied = true;  // the call itself was not sent
    if (refusal.detail.find("has no authentication switched on") != std::string::npos) {
        if (!std::exchange(no_authentication_, true)) log::warn("etcd: {}; going on without", refusal.detail);
        return attempt(pending);
    }
    if (goes_elsewhere(pending, member, refusal, true)) {
        pending->logged_in = false;
        return attempt(pending);
    }
    if (!refusal.elsewhere && !token_.empty()) {
        log::warn("etcd: {}; going on with the token that there is", refusal.detail);
        refused_password_ = password;
        return attempt(pending);
    }
    finish(pending, {server, "", refusal});
}

void Cluster::forget(const std::string& token) {
    if (token_ == token) token_.clear();
}

// ---- streams ------------------------------------------------------------------------------------------------------

std::unique_ptr<http::Client::Stream> Cluster::stream(const Call& call, Duration open_timeout, bool fresh_connection,
                                                      http::Client::StreamEvents events) {
    use_current_files();
    streaming_ = current_;
    token_of_stream_ = token_;
    http::Request request = request_for(call, token_);
    request.fresh_connection = fresh_connection;
    return members_[streaming_].client->stream(std::move(request), open_timeout, Duration::zero(), std::move(events));
}

std::string Cluster::servers() const {
    std::vector<std::string> urls;
    for (const Member& member : members_) urls.push_back(member.url);
    return fmt::format("{}", fmt::join(urls, ", "));
}

}  // namespace leasehold::stores::etcd
