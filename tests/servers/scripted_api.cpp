// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/scripted_api.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace leasehold::servers {
namespace {

std::chrono::nanoseconds now() { return std::chrono::steady_clock::now().time_since_epoch(); }

}  // namespace

ScriptedApi::ScriptedApi() : server_({.tls = TlsOptions{authority_.issue(), "", false}}) {
    server_.handle([this](const Request& request) { return answer(request); });
}

void ScriptedApi::set_trouble(Trouble trouble) {
    const std::lock_guard lock(mutex_);
    trouble_ = std::move(trouble);
}

void ScriptedApi::put(const std::string& target, Objects::Json object) {
    const std::lock_guard lock(mutex_);
    objects_.put(target, std::move(object));
    tell_watches();
}

Objects::Json ScriptedApi::get(const std::string& target) const {
    const std::lock_guard lock(mutex_);
    const Objects::Json* const found = objects_.find(target);
    return found != nullptr ? *found : Objects::Json();
}

std::string ScriptedApi::kubeconfig(const std::string& token, const std::string& namespace_name,
                                    const std::string& ca_file) const {
    return fmt::format(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u, namespace: {}}}}}]\n"
        "users: [{{name: u, user: {{token: {}}}}}]\n"
        "clusters: [{{name: c, cluster: {{server: '{}', certificate-authority: '{}'}}}}]\n",
        namespace_name, token, server_.url(), ca_file);
}

bool ScriptedApi::is_watch(const Request& request) { return request.target.find("watch=1") != std::string::npos; }

std::string ScriptedApi::token_of(const Request& request) {
    const auto header = request.headers.find("authorization");
    return header == request.headers.end() ? "" : header->second.substr(header->second.find(' ') + 1);
}

std::vector<std::chrono::nanoseconds> ScriptedApi::arrivals(const std::string& token) const {
    const std::lock_guard lock(mutex_);
    const auto found = arrivals_.find(token);
    return found == arrivals_.end() ? std::vector<std::chrono::nanoseconds>() : found->second;
}

Reply ScriptedApi::answer(const Request& request) {
    const std::lock_guard lock(mutex_);
    arrivals_[token_of(request)].push_back(now());
    const Healthy healthily = [&] { return healthy(request); };
    return trouble_ ? trouble_(request, healthily) : healthily();
}

Reply ScriptedApi::healthy(const Request& request) {
    if (is_watch(request)) {
        const auto feed = std::make_shared<Feed>();
        listeners_.push_back({feed, Objects::Watch(objects_, request.target)});
        tell_watches();
        return Reply::stream(feed);
    }
    const Objects::Answer answer = objects_.carry_out(request.method, request.target, request.body);
    if (is_write(request)) tell_watches();
    return Reply::json(answer.status, answer.body.dump());
}

void ScriptedApi::tell_watches() {
    listeners_.remove_if([](const Listener& listener) {
        return listener.feed.expired();  // its connection has ended
    });
    for (Listener& listener : listeners_) {
        for (std::string& line : listener.watch.read()) {
            if (const auto feed = listener.feed.lock()) feed->push(std::move(line));
        }
    }
}

std::size_t busiest_second(const std::vector<std::chrono::nanoseconds>& arrivals) {
    std::size_t most = 0;
    for (auto begin = arrivals.begin(); begin != arrivals.end(); ++begin) {
        const auto end = std::lower_bound(begin, arrivals.end(), *begin + std::chrono::seconds(1));
        most = std::max(most, static_cast<std::size_t>(end - begin));
    }
    return most;
}

}  // namespace leasehold::servers
