// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/watch.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "election/stores/kubernetes/refusal.h"

namespace leasehold::stores::kubernetes {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kOpenTimeout = seconds(10);
constexpr Duration kStallLimit = seconds(5);
constexpr Duration kFirstPause = milliseconds(100);
constexpr Duration kLongestPause = seconds(5);
constexpr std::size_t kLongestLine = 4 << 20;

// The server ends a watch by itself, spread over five minutes as client-go has it, so that many do not come back at
// once.
int random_from(int least, int most) {
    static std::minstd_rand random(std::random_device{}());
    return std::uniform_int_distribution<int>(least, most)(random);
}

std::string version_of(const Json& object) {
    const auto metadata = object.find("metadata");
    if (metadata == object.end() || !metadata->is_object()) return {};
    const auto version = metadata->find("resourceVersion");
    return version != metadata->end() && version->is_string() ? version->get<std::string>() : std::string();
}

std::uint64_t number_in(const std::string& version) {
    std::uint64_t number = 0;
    std::from_chars(version.data(), version.data() + version.size(), number);
    return number;
}

}  // namespace

ObjectWatch::ObjectWatch(EventLoop& loop, Api& api, std::string collection, std::string name, Events events)
    : loop_(loop),
      api_(api),
      collection_(std::move(collection)),
      name_(std::move(name)),
      events_(std::move(events)),
      alive_(std::make_shared<bool>(true)) {}

ObjectWatch::~ObjectWatch() { *alive_ = false; }

Result<std::unique_ptr<ObjectWatch>> ObjectWatch::start(EventLoop& loop, Api& api, std::string collection,
                                                        std::string name, Events events) {
    std::unique_ptr<ObjectWatch> watch(
        new ObjectWatch(loop, api, std::move(collection), std::move(name), std::move(events)));
    auto retry = Timer::create(loop, [raw = watch.get()] { raw->connect(); });
    if (!retry) return tl::unexpected<Error>(retry.error());
    watch->retry_timer_ = std::move(*retry);
    auto stall = Timer::create(loop, [raw = watch.get()] {
        if (raw->seen_ < raw->expected_) raw->restart("stalled", true);
    });
    if (!stall) return tl::unexpected<Error>(stall.error());
    watch->stall_timer_ = std::move(*stall);
    watch->connect();
    return watch;
}

std::string ObjectWatch::target() const {
    std::string text =
        fmt::format("{}?watch=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3D{}&timeoutSeconds={}",
                    collection_, name_, random_from(300, 600));
    if (!position_.empty()) text += "&resourceVersion=" + position_;
    return text;
}

void ObjectWatch::connect() {
    buffer_.clear();
    status_ = 0;
    stream_ = api_.stream(target(), kOpenTimeout, std::exchange(fresh_connection_, false),
                          {.opened = [this](int status, const auto&) { opened(status); },
                           .data = [this](std::string_view data) { received(data); },
                           .ended = [this](const http::Answer& answer) { ended(answer); }});
}

void ObjectWatch::opened(int status) {
    status_ = status;
    if (status == 200) pause_ = Duration::zero();
}

void ObjectWatch::received(std::string_view data) {
    const std::shared_ptr<bool> alive = alive_;
    const http::Client::Stream* stream = stream_.get();
    buffer_.append(data);
    if (status_ != 200) {
        if (buffer_.size() > kLongestLine) buffer_.resize(kLongestLine);
        return;
    }
    std::size_t begin = 0;
    for (std::size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', begin)) {
        const std::string text = buffer_.substr(begin, end - begin);
        begin = end + 1;
        const bool goes_on = line(text);
        if (!*alive || stream_.get() != stream) return;
        if (!goes_on) return;
    }
    buffer_.erase(0, begin);
    if (buffer_.size() > kLongestLine) restart("malformed", true);
}

bool ObjectWatch::line(std::string_view text) {
    if (text.find_first_not_of(" \r") == std::string_view::npos) return true;
    const Json event = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
    const bool whole = event.is_object() && event.contains("type") && event["type"].is_string() &&
                       event.contains("object") && event["object"].is_object();
    if (!whole) {
        restart("malformed", true);
        return false;
    }
    const std::string type = event["type"].get<std::string>();
    const Json& object = event["object"];
    if (type == "ERROR") return error_event(object);
    const std::string version = version_of(object);
    if (!version.empty()) {
        position_ = version;
        seen_ = std::max(seen_, number_in(version));
    }
    const auto events = events_;  // survives this
    if (type == "ADDED" || type == "MODIFIED") events.changed(object);
    if (type == "DELETED") events.deleted();
    return true;
}

// Usually 410: the server has forgotten what came after our position.
bool ObjectWatch::error_event(const Json& status) {
    const auto code = status.find("code");
    const bool expired = code != status.end() && *code == 410;
    position_.clear();
    restart(expired ? "expired" : "server_error", false);
    return false;
}

void ObjectWatch::ended(const http::Answer& answer) {
    if (answer.failure == http::Failure::none && status_ == 200) {
        stream_.reset();
        retry_timer_->arm_in(milliseconds(random_from(0, 100)));  // the time that it was asked for is over
        return;
    }
    if (answer.failure != http::Failure::none) {
        log::debug("kubernetes: the watch ended: {}", answer.detail);
        restart(http::label_of(answer.failure), true);
        return;
    }
    http::Answer whole = answer;
    whole.status = status_;
    whole.body = buffer_;
    if (status_ == 401) api_.renew_credentials();
    if (status_ == 410) position_.clear();
    const Refusal refusal = explain(whole, {"watch", "", "", name_, ""}, api_.server());
    log::debug("kubernetes: the watch was refused: {}", refusal.detail);
    pause_ = std::max(pause_, std::min(refusal.retry_after, kLongestPause));
    restart(refusal.label, false);
}

// The position is kept where it can be: what happened meanwhile is told then. Until then nothing is heard, so whoever
// listens is told.
void ObjectWatch::restart(const std::string& reason, bool fresh_connection) {
    stream_.reset();
    stall_timer_->disarm();
    expected_ = 0;
    fresh_connection_ = fresh_connection;
    pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
    retry_timer_->arm_in(pause_ * random_from(50, 100) / 100);
    const auto broken = events_.broken;  // survives this
    broken(reason);
}

void ObjectWatch::expect(std::uint64_t version) {
    if (version <= std::max(seen_, expected_) || !stream_ || status_ != 200) return;
    if (expected_ <= seen_) stall_timer_->arm_in(kStallLimit);
    expected_ = version;
}

}  // namespace leasehold::stores::kubernetes
