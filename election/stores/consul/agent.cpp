// SPDX-License-Identifier: Apache-2.0
#include "election/stores/consul/agent.h"

#include <utility>

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

Result<void> Agent::open(EventLoop& loop) {
    auto done = files_.add("token_file", options_.token_file, accept_token);
    if (done) done = files_.add_certificates(options_.ca_file, options_.cert_file, options_.key_file);
    if (!done) return done;
    auto client = http::Client::create(loop, files_.peer(options_.address));
    if (!client) return tl::unexpected<Error>(client.error());
    client_ = std::move(*client);
    return {};
}

void Agent::use_current_files() {
    const http::Peer before = files_.peer(options_.address);
    files_.refresh();
    http::Peer peer = files_.peer(options_.address);
    if (!(peer == before)) client_->set_peer(std::move(peer));
}

http::Request Agent::request_for(const std::string& target, const std::string& body) const {
    http::Request request;
    request.method = body.empty() ? "GET" : "PUT";
    request.target = target;
    if (!options_.datacenter.empty()) request.target += "&dc=" + escape(options_.datacenter);
    request.headers = {"User-Agent: leasehold"};
    if (!body.empty()) request.headers.emplace_back("Content-Type: application/json");
    if (!options_.token_file.empty()) request.headers.push_back("X-Consul-Token: " + files_.text("token_file"));
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
