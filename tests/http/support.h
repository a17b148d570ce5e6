// SPDX-License-Identifier: Apache-2.0
//
// A loop, a scripted server and a client of it, plain or through TLS.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/event_loop.h"
#include "election/stores/http/client.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::stores::http {

using servers::Feed;
using servers::Reply;
using servers::ScriptedServer;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// Long enough for a loaded machine, for what is expected to happen.
inline constexpr Duration kGenerous = seconds(60);

inline const servers::Authority& authority() {
    static const servers::Authority made;
    return made;
}

inline servers::TlsOptions right_tls() {
    static const servers::KeyPair pair = authority().issue();
    return {pair, {}, true};
}

class HttpTest : public testing::Test {
protected:
    void SetUp() override {
        auto made = EventLoop::create();
        ASSERT_TRUE(made) << made.error().message;
        loop_ = std::move(*made);
    }

    static Peer peer_of(const ScriptedServer& server) {
        Peer peer;
        peer.base_url = server.url();
        peer.ca_pem = authority().pem();
        return peer;
    }
    void serve(const servers::ServerOptions& options = {}) {
        server_ = std::make_unique<ScriptedServer>(options);
        connect(peer_of(*server_));
    }
    void connect(Peer peer) {
        auto made = Client::create(*loop_, std::move(peer));
        ASSERT_TRUE(made) << made.error().message;
        client_ = std::move(*made);
    }

    // Turns the loop until the condition holds, or a generous time has passed.
    bool turn_until(const std::function<bool()>& condition) {
        const Instant limit = now() + kGenerous;
        while (!condition()) {
            if (reached_on_any_clock(limit, now()) || !loop_->run_once(milliseconds(10))) return false;
        }
        return true;
    }

    Answer ask(Request request, Duration timeout = kGenerous) {
        std::optional<Answer> answer;
        client_->send(std::move(request), timeout, [&](Answer given) { answer = std::move(given); });
        EXPECT_FALSE(answer) << "called back from inside the call";
        EXPECT_TRUE(turn_until([&] { return answer.has_value(); }));
        return answer.value_or(Answer{});
    }
    Answer get(const std::string& target, Duration timeout = kGenerous) { return ask(getting(target), timeout); }
    Answer put(const std::string& target, std::string body, Duration timeout = kGenerous) {
        return ask(putting(target, std::move(body)), timeout);
    }

    static Request getting(std::string target) {
        Request request;
        request.target = std::move(target);
        return request;
    }
    static Request putting(std::string target, std::string body) {
        Request request = getting(std::move(target));
        request.method = "PUT";
        request.headers = {"Content-Type: application/json"};
        request.body = std::move(body);
        return request;
    }
    static Request fresh(std::string target) {
        Request request = getting(std::move(target));
        request.fresh_connection = true;
        return request;
    }

    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<ScriptedServer> server_;
    std::unique_ptr<Client> client_;
};

// The parameter: through TLS.
class BothWaysTest : public HttpTest, public testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        HttpTest::SetUp();
        serve(options());
    }
    static servers::ServerOptions options() {
        servers::ServerOptions options;
        if (GetParam()) options.tls = right_tls();
        return options;
    }
};

inline std::string way_name(const testing::TestParamInfo<bool>& info) { return info.param ? "tls" : "plain"; }

}  // namespace leasehold::stores::http
