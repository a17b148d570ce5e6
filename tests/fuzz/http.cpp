// SPDX-License-Identifier: Apache-2.0
//
// The HTTP endpoints.  0: all that a client sends on one connection;  1: texts that other candidates and the workload
// make up, one a line, as they stand in the answers.
#include <cstddef>
#include <cstring>
#include <memory>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/event_loop.h"
#include "fuzz.h"
#include "metrics/endpoints.h"
#include "metrics/http_server.h"

namespace leasehold::fuzz {
namespace {

using namespace metrics;

// No ports, which a fuzzer would use up.
struct Address {
    sockaddr_un address{};
    socklen_t size = 0;

    Address() {
        const std::string name = "leasehold-fuzz-" + std::to_string(getpid());
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path + 1, name.data(), name.size());
        size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

UniqueFd new_socket() { return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

class Site {
public:
    Site() : metrics_(MetricLabels{"billing", "1.0", "rev"}) {
        auto loop = EventLoop::create();
        require(loop.has_value(), "there is a loop");
        loop_ = std::move(*loop);
        std::vector<UniqueFd> listeners;
        listeners.push_back(new_socket());
        require(bind(listeners.front().get(), address_.get(), address_.size) == 0 &&
                    listen(listeners.front().get(), 16) == 0,
                "there is a listener");
        handler_ = make_handler(metrics_, [this] { return view; });
        auto server = HttpServer::start(*loop_, std::move(listeners), handler_);
        require(server.has_value(), "there is a server");
        server_ = std::move(*server);
    }

    // All that comes back until the server has nothing more to say: there is no other process that could take its time.
    std::string answers_to(std::string_view sent) {
        const UniqueFd client = new_socket();
        require(connect(client.get(), address_.get(), address_.size) == 0, "the server can be reached");
        require(send(client.get(), sent.data(), sent.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || sent.empty(),
                "something can be sent");
        std::string answers;
        for (int quiet = 0; quiet < 8; ++quiet) {
            require(loop_->run_once(Duration::zero()).has_value(), "the loop turns");
            char bytes[4096];
            ssize_t size = 0;
            while ((size = recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
                answers.append(bytes, static_cast<std::size_t>(size));
                quiet = 0;
            }
            if (size == 0) break;
        }
        return answers;
    }

    HttpResponse answer_to(const HttpRequest& request) const { return handler_(request); }

    StatusView view;

private:
    Address address_;
    Metrics metrics_;
    HttpServer::Handler handler_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<HttpServer> server_;
};

Site& site() {
    static Site one;
    return one;
}

void check_connection(std::string_view text) {
    site().view = StatusView{.role = "standby", .holder = "beta_2"};
    const std::string answers = site().answers_to(text.substr(0, 60'000));
    if (answers.empty()) return;
    require(answers.starts_with("HTTP/1.1 ") || answers.starts_with("HTTP/1.0 "), "an answer is one");
    const std::string status = answers.substr(9, 3);
    require(status.find_first_not_of("0123456789") == std::string::npos && status >= "100", "an answer has a status");
    // What a client makes up does not come back, in which a browser could find a script.
    for (const char* mark : {"<script", "<img", "<svg", "javascript:"}) {
        require(text.find(mark) == std::string_view::npos || answers.find(mark) == std::string::npos,
                "a client's own words are not in the answer");
    }
}

void check_texts(std::string_view text) {
    StatusView view{.role = "leader", .leading = true, .holder_fresh = true};
    for (std::string* field : {&view.holder, &view.identity, &view.election, &view.store, &view.health,
                               &view.workload_status, &view.readiness, &view.candidacy, &view.workload_state}) {
        *field = take_until(text, '\n');
    }
    view.workload_last_output = {{std::string(text)}};
    view.last_errors = {std::string(text)};
    view.hindrances = {std::string(text)};
    view.journal = {{1.5, std::string(text)}};
    const bool fresh = !view.holder.empty();
    site().view = view;
    for (const char* path : {"/status", "/"}) {
        const HttpResponse answer = site().answer_to({.method = "GET", .path = path});
        const auto json = nlohmann::json::parse(answer.body, nullptr, false);
        require(answer.status == 200 && json.is_object(), "whatever others make up, JSON is JSON");
        if (path == std::string("/")) require(!json["name"].get<std::string>().empty() == fresh, "a holder has a name");
    }
    const std::string page = site().answer_to({.method = "GET", .path = "/", .accept = "text/html"}).body;
    for (const std::string& made_up : {view.holder, view.identity, view.election, view.store, view.workload_status}) {
        if (made_up.find("<x") != std::string::npos) {
            require(page.find("<x") == std::string::npos, "what others make up is no HTML");
        }
    }
}

}  // namespace
}  // namespace leasehold::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace leasehold::fuzz;
    const auto [kind, text] = input_of(data, size, 2);
    if (kind == 0) check_connection(text);
    if (kind == 1) check_texts(text);
    return 0;
}
