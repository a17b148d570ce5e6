// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/watch.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/log.h"

namespace leasehold::stores::kubernetes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kOpenTimeout = seconds(10);
constexpr Duration kStallLimit = seconds(5);
constexpr Duration kRefusalLimit = seconds(5);  // until the whole body of a refusal is there
constexpr Duration kLived = seconds(5);         // what ends after this has worked
constexpr std::size_t kLongestLine = 4 << 20;

std::uint64_t number_in(const std::string& version) {
    std::uint64_t number = 0;
    std::from_chars(version.data(), version.data() + version.size(), number);
    return number;
}

bool tells_of_object(const WatchLine& line) {
    return line.kind == WatchLine::Kind::changed || line.kind == WatchLine::Kind::deleted;
}

}  // namespace

ObjectWatch::ObjectWatch(EventLoop& loop, Api& api, std::string collection, Action action, Events events)
    : loop_(loop),
      api_(api),
      collection_(std::move(collection)),
      action_(std::move(action)),
      events_(std::move(events)),
      alive_(std::make_shared<bool>(true)) {}

ObjectWatch::~ObjectWatch() { *alive_ = false; }

Result<std::unique_ptr<ObjectWatch>> ObjectWatch::start(EventLoop& loop, Api& api, std::string collection,
                                                        Action action, Events events) {
    std::unique_ptr<ObjectWatch> watch(
        new ObjectWatch(loop, api, std::move(collection), std::move(action), std::move(events)));
    auto retry = Timer::create(loop, [raw = watch.get()] { raw->connect(); });
    if (!retry) return tl::unexpected<Error>(retry.error());
    watch->retry_timer_ = std::move(*retry);
    auto stall = Timer::create(loop, [raw = watch.get()] { raw->waited_long_enough(); });
    if (!stall) return tl::unexpected<Error>(stall.error());
    watch->stall_timer_ = std::move(*stall);
    watch->connect();
    return watch;
}

// The server ends a watch by itself, spread over five minutes as client-go has it, so that many do not come back at
// once.
std::string ObjectWatch::target() const {
    std::string text =
        fmt::format("{}?watch=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3D{}&timeoutSeconds={}",
                    collection_, action_.name, random_from(300, 600));
    if (!position_.empty()) text += "&resourceVersion=" + position_;
    return text;
}

void ObjectWatch::connect() {
    buffer_.clear();
    head_ = http::Answer();
    opened_.reset();
    worked_ = false;
    stream_ = api_.stream(target(), kOpenTimeout, std::exchange(fresh_connection_, false),
                          {.opened = [this](int status, const auto& headers) { opened(status, headers); },
                           .data = [this](std::string_view data) { received(data); },
                           .ended = [this](const http::Answer& answer) { ended(answer); }});
}

void ObjectWatch::opened(int status, const std::map<std::string, std::string>& headers) {
    head_.status = status;
    head_.headers = headers;
    opened_ = now();
    if (status != 200) stall_timer_->arm_in(kRefusalLimit);
}

void ObjectWatch::received(std::string_view data) {
    const std::shared_ptr<bool> alive = alive_;
    const http::Client::Stream* stream = stream_.get();
    buffer_.append(data);
    if (head_.status != 200) {
        if (buffer_.size() > kLongestLine) buffer_.resize(kLongestLine);
        return;
    }
    bool malformed = false;
    const std::vector<WatchLine> lines = take_lines(malformed);
    for (auto line = lines.begin(); line != lines.end(); ++line) {
        const bool superseded = std::any_of(line + 1, lines.end(), tells_of_object);
        const bool goes_on = take_in(*line, superseded);
        if (!*alive || stream_.get() != stream || !goes_on) return;
    }
    if (malformed || buffer_.size() > kLongestLine) restart("malformed", true);
}

// Those that are whole, out of the buffer, up to the first one that cannot be understood.
std::vector<WatchLine> ObjectWatch::take_lines(bool& malformed) {
    std::vector<WatchLine> lines;
    std::size_t begin = 0;
    for (std::size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', begin)) {
        const std::string_view text = std::string_view(buffer_).substr(begin, end - begin);
        begin = end + 1;
        if (text.find_first_not_of(" \r") == std::string_view::npos) continue;
        auto line = parse_watch_line(text);
        malformed = !line;
        if (malformed) return lines;
        lines.push_back(std::move(*line));
    }
    buffer_.erase(0, begin);
    return lines;
}

bool ObjectWatch::take_in(const WatchLine& line, bool superseded) {
    using Kind = WatchLine::Kind;
    if (line.kind == Kind::expired || line.kind == Kind::error) return error_event(line.kind == Kind::expired);
    take_position(line.version);
    const auto events = events_;  // survives this
    if (line.kind == Kind::changed) events.changed(line.object, superseded);
    if (line.kind == Kind::deleted) events.deleted();
    return true;
}

// What was told before is no news, so that a server that does nothing else is not asked again and again.
void ObjectWatch::take_position(const std::string& version) {
    if (version.empty()) return;
    position_ = version;
    if (number_in(version) <= seen_) return;
    seen_ = number_in(version);
    works();
}

// Usually 410: the server has forgotten what came after our position.
bool ObjectWatch::error_event(bool expired) {
    position_.clear();
    restart(expired ? "expired" : "server_error", false);
    return false;
}

bool ObjectWatch::has_lived() const {
    return head_.status == 200 && opened_ && elapsed_at_most(*opened_, now()) >= kLived;
}

void ObjectWatch::works() {
    worked_ = true;
    pause_.reset();
    if (!std::exchange(complaint_, {}).empty()) log::info("kubernetes: the watch works again");
}

void ObjectWatch::ended(const http::Answer& answer) {
    if (has_lived()) works();
    if (answer.failure == http::Failure::none && worked_) {
        stream_.reset();
        retry_timer_->arm_in(milliseconds(random_from(0, 100)));  // the time that it was asked for is over
        return;
    }
    if (answer.failure != http::Failure::none) {
        log::debug("kubernetes: the watch ended: {}", answer.detail);
        restart(fmt::format("{}: {}", http::label_of(answer.failure), answer.detail), true);
        return;
    }
    if (head_.status != 200) return refused();
    restart(fmt::format("ended_early: {} ended it as soon as it had begun", api_.server()), false);
}

void ObjectWatch::waited_long_enough() {
    if (opened_ && head_.status != 200) return refused();
    if (seen_ < expected_) restart("stalled", true);
}

// Said once, at a level that is shown: whoever is not allowed to watch takes over late, and nothing else tells.
void ObjectWatch::refused() {
    http::Answer whole = head_;
    whole.body = buffer_;
    if (whole.status == 401) api_.renew_credentials();
    if (whole.status == 410) position_.clear();
    const Refusal refusal = api_.refusal_of(whole, action_);
    const bool normal = whole.status == 410;
    if (!normal && refusal.label != complaint_) {
        log::warn("kubernetes: there is no watch, so changes are noticed later: {}", refusal.detail);
        complaint_ = refusal.label;
    }
    pause_.at_least(refusal.retry_after);
    restart(normal ? refusal.label : refusal.label + ": " + refusal.detail, false);
}

// The position is kept where it can be: what happened meanwhile is told then. Until then nothing is heard, so whoever
// listens is told.
void ObjectWatch::restart(const std::string& reason, bool fresh_connection) {
    stream_.reset();
    if (has_lived()) works();
    opened_.reset();
    stall_timer_->disarm();
    expected_ = 0;
    fresh_connection_ = fresh_connection;
    retry_timer_->arm_in(part_of(pause_.next()));
    const auto broken = events_.broken;  // survives this
    broken(reason);
}

void ObjectWatch::expect(std::uint64_t version) {
    if (version <= std::max(seen_, expected_) || !stream_ || head_.status != 200) return;
    if (expected_ <= seen_) stall_timer_->arm_in(kStallLimit);
    expected_ = version;
}

void ObjectWatch::start_over() {
    position_.clear();
    seen_ = 0;
    restart("versions_went_back", true);
}

}  // namespace leasehold::stores::kubernetes
