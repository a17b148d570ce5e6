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

// Whether the server did nothing because it does not know who asks: it has lost the token, the password was changed, or
// authentication was switched on or changed since (etcd: v3rpc/rpctypes/error.go).
bool asks_for_token(const http::Answer& answer) {
    if (answer.failure != http::Failure::none || answer.status < 400) return false;
    const auto refusal = parse_refusal(answer.body);
    if (!refusal) return false;
    const auto says = [&](const char* what) { return refusal->message.find(what) != std::string::npos; };
    return refusal->is(Refusal::Code::unauthenticated) || says("user name is empty") || says("revision of auth store");
}

bool may_go_elsewhere(const Cluster::Call& call, const http::Answer& answer) {
    if (answer.failure != http::Failure::none) return !answer.sent || call.reads;
    const auto refusal = answer.status >= 500 && call.reads ? parse_refusal(answer.body) : std::nullopt;
    return refusal && refusal->is(Refusal::Code::unavailable);
}

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

Result<std::unique_ptr<Cluster>> Cluster::create(EventLoop& loop, EtcdOptions options) {
    std::unique_ptr<Cluster> cluster(new Cluster(loop, std::move(options)));
    if (auto opened = cluster->open(); !opened) return tl::unexpected<Error>(opened.error());
    return cluster;
}

Cluster::~Cluster() = default;

Result<void> Cluster::watch_file(const char* what, const std::string& path, WatchedFile::Accept accept) {
    if (path.empty()) return {};
    WatchedFile& file = files_.emplace_back(path, std::move(accept));
    file.check();
    if (!file.value()) return failure(fmt::format("election.store.etcd.{}: {}", what, file.problem()));
    return {};
}

Result<void> Cluster::open() {
    auto done = watch_file("ca_file", options_.ca_file, accept_certificates);
    if (done) done = watch_file("cert_file", options_.cert_file, accept_certificates);
    if (done) done = watch_file("key_file", options_.key_file, accept_private_key);
    if (done) done = watch_file("password_file", options_.password_file, accept_password);
    if (!done) return done;
    for (const std::string& url : options_.endpoints) {
        auto client = http::Client::create(loop_, peer(url));
        if (!client) return tl::unexpected<Error>(client.error());
        members_.push_back({url, std::move(*client)});
    }
    return {};
}

std::string Cluster::text(const std::string& path) const {
    for (const WatchedFile& file : files_) {
        if (file.path() == path) return file.value().value_or("");
    }
    return "";
}

http::Peer Cluster::peer(const std::string& url) const {
    http::Peer peer;
    peer.base_url = url;
    peer.ca_pem = text(options_.ca_file);
    peer.certificate_pem = text(options_.cert_file);
    peer.key_pem = text(options_.key_file);
    return peer;
}

// Certificates and passwords are replaced while we run. What will not do is told once, and the last good one is used.
void Cluster::use_current_files() {
    std::string problem;
    const http::Peer before = peer("");
    for (WatchedFile& file : files_) {
        file.check();
        if (problem.empty()) problem = file.problem();
    }
    if (problem != problem_ && !problem.empty()) log::warn("etcd: {}; going on with what it held before", problem);
    problem_ = problem;
    if (peer("") == before) return;
    for (Member& member : members_) member.client->set_peer(peer(member.url));
}

http::Request Cluster::request_for(const Call& call, bool with_token) const {
    http::Request request;
    request.method = "POST";
    request.target = call.target;
    request.headers = {"Content-Type: application/json", "User-Agent: leasehold", "Grpc-Metadata-hasleader: true"};
    if (with_token && !token_.empty()) request.headers.push_back("Authorization: " + token_);
    request.body = call.body;
    return request;
}

void Cluster::send(Call call, Duration timeout, Done done) {
    auto pending = std::make_shared<Pending>();
    pending->call = std::move(call);
    pending->started = now();
    pending->timeout = timeout;
    pending->done = std::move(done);
    pending_.insert(pending);
    use_current_files();
    attempt(pending);
}

void Cluster::attempt(const std::shared_ptr<Pending>& pending) {
    if (!options_.username.empty() && (token_.empty() || password_of_token_ != text(options_.password_file))) {
        log_in(pending);
        return;
    }
    Member& member = current();
    http::Request request = request_for(pending->call, true);
    request.fresh_connection = std::exchange(member.fresh_connection, false);
    member.client->send(std::move(request), pending->left(), [this, pending, url = member.url](http::Answer answer) {
        answered(pending, {std::move(answer), url});
    });
}

void Cluster::answered(const std::shared_ptr<Pending>& pending, Reply reply) {
    if (asks_for_token(reply.answer) && !options_.username.empty() && !pending->logged_in) {
        token_.clear();
        log_in(pending);
        return;
    }
    if (reply.answer.failure == http::Failure::timeout) current().fresh_connection = true;
    const bool elsewhere = may_go_elsewhere(pending->call, reply.answer);
    if (reply.answer.failure != http::Failure::none || elsewhere) ++current_;
    if (elsewhere && ++pending->tried < members_.size() && pending->left() > Duration::zero()) {
        attempt(pending);
        return;
    }
    finish(pending, std::move(reply));
}

void Cluster::log_in(const std::shared_ptr<Pending>& pending) {
    pending->logged_in = true;
    Member& member = current();
    const std::string password = text(options_.password_file);
    const Call call{"/v3/auth/authenticate", authenticate_request(options_.username, password)};
    member.client->send(request_for(call, false), pending->left(),
                        [this, pending, password, url = member.url](http::Answer answer) {
                            std::string problem;
                            const auto token = answer.failure == http::Failure::none && answer.status == 200
                                                   ? parse_token(answer.body, problem)
                                                   : std::nullopt;
                            if (token) {
                                token_ = *token;
                                password_of_token_ = password;
                            }
                            // Whatever came of it, the call itself was not sent.
                            answer.sent = false;
                            token ? attempt(pending) : logged_in(pending, {std::move(answer), url});
                        });
}

// Without success.
void Cluster::logged_in(const std::shared_ptr<Pending>& pending, Reply reply) {
    if (reply.answer.failure != http::Failure::none) {
        ++current_;
        pending->logged_in = false;
        if (++pending->tried < members_.size() && pending->left() > Duration::zero()) return attempt(pending);
    }
    finish(pending, std::move(reply));
}

// The last thing that is done: the callback may destroy this.
void Cluster::finish(const std::shared_ptr<Pending>& pending, Reply reply) {
    if (pending_.erase(pending) == 0) return;
    const Done done = std::move(pending->done);
    done(std::move(reply));
}

std::unique_ptr<http::Client::Stream> Cluster::stream(const Call& call, Duration open_timeout, bool fresh_connection,
                                                      http::Client::StreamEvents events) {
    use_current_files();
    http::Request request = request_for(call, true);
    request.fresh_connection = fresh_connection;
    return members_[streaming_ % members_.size()].client->stream(std::move(request), open_timeout, Duration::zero(),
                                                                 std::move(events));
}

std::string Cluster::servers() const {
    std::vector<std::string> urls;
    for (const Member& member : members_) urls.push_back(member.url);
    return fmt::format("{}", fmt::join(urls, ", "));
}

bool Cluster::agrees(const std::string& server, const std::string& cluster_id) {
    bool all = true;
    for (Member& member : members_) {
        if (member.url == server) member.cluster_id = cluster_id;
        all = all && (member.cluster_id.empty() || member.cluster_id == cluster_id);
    }
    if (all) cluster_id_ = cluster_id;
    return all;
}

}  // namespace leasehold::stores::etcd
