// SPDX-License-Identifier: Apache-2.0
#include "election/stores/consul/agent.h"

#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "election/stores/consul/messages.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::consul {
namespace {

constexpr Duration kIdleTimeout = std::chrono::seconds(10);    // within a body
constexpr Duration kConnectTimeout = std::chrono::seconds(5);  // of a stream, whose answer may take minutes

}  // namespace

Result<std::unique_ptr<Agent>> Agent::create(EventLoop& loop, ConsulOptions options) {
    std::unique_ptr<Agent> agent(new Agent(std::move(options)));
    if (auto opened = agent->open(loop); !opened) return tl::unexpected<Error>(opened.error());
    return agent;
}

Result<void> Agent::watch_file(const char* what, const std::string& path, WatchedFile::Accept accept) {
    if (path.empty()) return {};
    WatchedFile& file = files_.emplace_back(path, std::move(accept));
    file.check();
    if (!file.value()) return failure(fmt::format("election.store.consul.{}: {}", what, file.problem()));
    return {};
}

Result<void> Agent::open(EventLoop& loop) {
    auto done = watch_file("token_file", options_.token_file, accept_token);
    if (done) done = watch_file("ca_file", options_.ca_file, accept_certificates);
    if (done) done = watch_file("cert_file", options_.cert_file, accept_certificates);
    if (done) done = watch_file("key_file", options_.key_file, accept_private_key);
    if (!done) return done;
    auto client = http::Client::create(loop, peer());
    if (!client) return tl::unexpected<Error>(client.error());
    client_ = std::move(*client);
    return {};
}

std::string Agent::text(const std::string& path) const {
    for (const WatchedFile& file : files_) {
        if (file.path() == path) return file.value().value_or("");
    }
    return "";
}

http::Peer Agent::peer() const {
    http::Peer peer;
    peer.base_url = options_.address;
    peer.ca_pem = text(options_.ca_file);
    peer.certificate_pem = text(options_.cert_file);
    peer.key_pem = text(options_.key_file);
    return peer;
}

// What will not do is told once, and the last good one is used.
void Agent::use_current_files() {
    std::string problem;
    const http::Peer before = peer();
    for (WatchedFile& file : files_) {
        file.check();
        if (problem.empty()) problem = file.problem();
    }
    if (problem != problem_ && !problem.empty()) log::warn("consul: {}; going on with what it held before", problem);
    problem_ = problem;
    if (!(peer() == before)) client_->set_peer(peer());
}

http::Request Agent::request_for(const std::string& target, const std::string& body) const {
    http::Request request;
    request.method = body.empty() ? "GET" : "PUT";
    request.target = target;
    if (!options_.datacenter.empty()) request.target += "&dc=" + escape(options_.datacenter);
    request.headers = {"User-Agent: leasehold"};
    if (!body.empty()) request.headers.emplace_back("Content-Type: application/json");
    if (!options_.token_file.empty()) request.headers.push_back("X-Consul-Token: " + text(options_.token_file));
    request.body = body;
    return request;
}

void Agent::send(const std::string& target, const std::string& body, Duration timeout, http::Client::Done done) {
    use_current_files();
    client_->send(request_for(target, body), timeout, [this, done = std::move(done)](http::Answer answer) {
        if (answer.failure == http::Failure::timeout) client_->drop_connections();
        done(std::move(answer));  // last: it may destroy this
    });
}

std::unique_ptr<http::Client::Stream> Agent::stream(const std::string& target, Duration open_timeout,
                                                    bool fresh_connection, http::Client::StreamEvents events) {
    use_current_files();
    http::Request request = request_for(target, "");
    request.fresh_connection = fresh_connection;
    request.connect_timeout = kConnectTimeout;
    return client_->stream(std::move(request), open_timeout, kIdleTimeout, std::move(events));
}

}  // namespace leasehold::stores::consul
