// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "app/net_probe.h"
#include "base/clock.h"
#include "base/duration_text.h"
#include "election/stores/http/client.h"

namespace leasehold::app {
namespace {

namespace http = stores::http;

constexpr std::size_t kMostBody = 10 << 10;

// "http://host:1/path?query" in two.
std::pair<std::string, std::string> split(const std::string& url) {
    const std::size_t end = std::min(url.find_first_of("/?", url.find("//") + 2), url.size());
    std::string target = url.substr(end);
    if (!target.starts_with('/')) target.insert(0, 1, '/');
    return {url.substr(0, end), std::move(target)};
}

class HttpProbe : public NetProbe {
public:
    explicit HttpProbe(const supervisor::ProbeOptions& options) : options_(options) {
        request_.headers.push_back("Connection: close");
        request_.headers.push_back("User-Agent: leasehold");
        for (const auto& [name, value] : options.headers) request_.headers.push_back(name + ": " + value);
    }

    Result<void> set_up(EventLoop& loop) {
        http::Peer peer;
        std::tie(peer.base_url, request_.target) = split(options_.http);
        peer.verify = false;
        auto client = http::Client::create(loop, std::move(peer));
        if (!client) return tl::unexpected<Error>(client.error());
        client_ = std::move(*client);
        auto timer = Timer::create(loop, [this] { too_late(); });
        if (!timer) return tl::unexpected<Error>(timer.error());
        timer_ = std::move(*timer);
        return {};
    }

    void start(Done done) override {
        done_ = std::move(done);
        status_ = 0;
        body_ = 0;
        client_->drop_connections();
        started_at_ = now();
        stream_ = client_->stream(request_, options_.timeout, Duration::zero(),
                                  {.opened = [this](int status, const auto&) { opened(status); },
                                   .data = [this](std::string_view data) { read(data.size()); },
                                   .ended = [this](const http::Answer& answer) { ended(answer); }});
    }

    void cancel() override {
        done_ = nullptr;
        stream_.reset();
        timer_->disarm();
    }

private:
    void opened(int status) {
        status_ = status;
        timer_->arm_in(options_.timeout - elapsed_at_least(started_at_, now()));
    }

    void read(std::size_t size) {
        body_ += size;
        if (body_ > kMostBody) finish(judged());
    }

    void ended(const http::Answer& answer) {
        finish(answer.failure == http::Failure::none ? judged() : Outcome{false, answer.detail});
    }

    void too_late() {
        finish({false, fmt::format("status {}, but the answer was not complete within {}", status_,
                                   to_rounded_text(options_.timeout))});
    }

    Outcome judged() const {
        const auto& [least, most] = options_.status;
        if (status_ >= least && status_ <= most) return {true, fmt::format("status {}", status_)};
        return {false, least == most ? fmt::format("status {}, which is not {}", status_, least)
                                     : fmt::format("status {}, which is not in {}-{}", status_, least, most)};
    }

    void finish(Outcome outcome) {
        const Done done = std::exchange(done_, nullptr);
        cancel();
        if (done) done(std::move(outcome));
    }

    supervisor::ProbeOptions options_;
    http::Request request_;
    std::unique_ptr<http::Client> client_;
    std::unique_ptr<http::Client::Stream> stream_;
    std::unique_ptr<Timer> timer_;  // from the headers on; until then it is the client's affair
    Done done_;
    Instant started_at_;
    int status_ = 0;
    std::size_t body_ = 0;
};

}  // namespace

Result<std::unique_ptr<NetProbe>> make_http_probe(EventLoop& loop, const supervisor::ProbeOptions& options) {
    auto probe = std::make_unique<HttpProbe>(options);
    if (auto done = probe->set_up(loop); !done) return tl::unexpected<Error>(done.error());
    return probe;
}

}  // namespace leasehold::app
