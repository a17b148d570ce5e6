// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/key_watch.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "election/stores/etcd/refusal.h"

namespace leasehold::stores::etcd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kOpenTimeout = seconds(10);
constexpr Duration kStallLimit = seconds(5);
constexpr Duration kFirstPause = milliseconds(50);
constexpr Duration kTokenPause = milliseconds(100);
constexpr Duration kLongestPause = seconds(5);
constexpr Duration kLived = seconds(5);  // longer than what fails at once
constexpr std::size_t kLongestLine = 4 << 20;

Duration part_of(Duration pause) {
    static std::minstd_rand random(std::random_device{}());
    return pause * std::uniform_int_distribution<int>(50, 100)(random) / 100;
}

}  // namespace

KeyWatch::KeyWatch(Cluster& cluster, std::string key, Events events)
    : cluster_(cluster), key_(std::move(key)), events_(std::move(events)), alive_(std::make_shared<bool>(true)) {}

KeyWatch::~KeyWatch() { *alive_ = false; }

Result<std::unique_ptr<KeyWatch>> KeyWatch::start(EventLoop& loop, Cluster& cluster, std::string key, Events events) {
    std::unique_ptr<KeyWatch> watch(new KeyWatch(cluster, std::move(key), std::move(events)));
    auto retry = Timer::create(loop, [raw = watch.get()] { raw->connect(); });
    if (!retry) return tl::unexpected<Error>(retry.error());
    watch->retry_timer_ = std::move(*retry);
    auto stall = Timer::create(loop, [raw = watch.get()] { raw->on_stall(); });
    if (!stall) return tl::unexpected<Error>(stall.error());
    watch->stall_timer_ = std::move(*stall);
    watch->connect();
    return watch;
}

void KeyWatch::connect() {
    buffer_.clear();
    status_ = 0;
    created_at_.reset();
    if (position_ == 0) return look();
    if (!cluster_.has_token()) return retry_timer_->arm_in(kTokenPause);  // the next request gets one
    const Cluster::Call call{"/v3/watch", watch_request(key_, position_ + 1), true};
    stall_timer_->arm_in(kOpenTimeout);  // the headers may be there long before the first word
    stream_ = cluster_.stream(call, kOpenTimeout, std::exchange(fresh_connection_, false),
                              {.opened = [this](int status, const auto&) { opened(status); },
                               .data = [this](std::string_view data) { received(data); },
                               .ended = [this](const http::Answer& answer) { ended(answer); }});
}

// Where to begin: a watch that began whenever the server gets to it would miss what happens until then.
void KeyWatch::look() {
    const auto looked = [this, alive = alive_](const Cluster::Reply& reply) {
        if (!*alive) return;
        if (reply.answer.failure != http::Failure::none || reply.answer.status != 200) {
            const Explanation refusal = explain(reply.answer, "read", key_, reply.server);
            return restart(refusal.label, refusal.detail);
        }
        std::string problem;
        const auto answer = parse_range(reply.answer.body, problem);
        if (!answer || answer->header.revision == 0) return restart("malformed", problem);
        if (!cluster_.agrees(reply.server, answer->header.cluster_id)) {
            return restart("another_cluster", reply.server + " belongs to another cluster than the other endpoints");
        }
        position_ = answer->header.revision;
        const bool is_there = answer->found.has_value();
        if (is_there) seen_ = std::max(seen_, answer->found->mod_revision);
        const auto changed = events_.changed;  // survives this
        changed({.deleted = !is_there, .now = answer->found.value_or(KeyValue{"", position_})});
        if (*alive) connect();
    };
    cluster_.send({"/v3/kv/range", range_request(key_), true}, kOpenTimeout, looked);
}

void KeyWatch::opened(int status) {
    status_ = status;
    if (status != 200) stall_timer_->arm_in(kStallLimit);  // its body is to end
}

void KeyWatch::received(std::string_view data) {
    const std::shared_ptr<bool> alive = alive_;
    const http::Client::Stream* stream = stream_.get();
    buffer_.append(data);
    if (status_ != 200) {
        buffer_.resize(std::min(buffer_.size(), kLongestLine));
        return;
    }
    std::size_t begin = 0;
    for (std::size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', begin)) {
        const std::string text = buffer_.substr(begin, end - begin);
        begin = end + 1;
        const bool goes_on = text.empty() || line(text);
        if (!goes_on || !*alive || stream_.get() != stream) return;
    }
    buffer_.erase(0, begin);
    if (buffer_.size() > kLongestLine) restart("malformed", "its line does not end");
}

bool KeyWatch::line(const std::string& text) {
    std::string problem;
    const auto message = parse_watch(text, problem);
    if (message) return take_in(*message);
    restart("malformed", problem);
    return false;
}

bool KeyWatch::take_in(const WatchMessage& message) {
    const std::string& server = cluster_.stream_server();
    if (!message.header.cluster_id.empty() && !cluster_.agrees(server, message.header.cluster_id)) {
        restart("another_cluster", server + " belongs to another cluster than the other endpoints");
        return false;
    }
    if (message.canceled) {
        if (message.compacted) position_ = 0;
        // As far as it can be told from a sentence: the streams of a watch have no codes.
        if (message.problem.find("auth") != std::string::npos) cluster_.forget_token();
        restart(message.compacted ? "compacted" : "refused",
                message.compacted ? "the server no longer has the changes since the last one seen" : message.problem);
        return false;
    }
    if (message.created) return created(message.header);
    position_ = std::max(position_, message.header.revision);
    const std::shared_ptr<bool> alive = alive_;
    const auto changed = events_.changed;  // survives this
    for (const WatchMessage::Change& change : message.changes) {
        position_ = std::max(position_, change.now.mod_revision);
        if (change.now.mod_revision > seen_) pause_ = Duration::zero();  // what was told before is no news
        seen_ = std::max(seen_, change.now.mod_revision);
        changed(change);
        if (!*alive) return false;
    }
    return true;
}

// From now on the server tells.
bool KeyWatch::created(const Header& header) {
    if (header.revision < position_) {  // the future would be waited for
        position_ = seen_ = 0;
        restart("versions_went_back", "the cluster has been restored from a backup");
        return false;
    }
    created_at_ = now();
    stall_timer_->disarm();
    return true;
}

void KeyWatch::ended(const http::Answer& answer) {
    if (answer.failure != http::Failure::none) return restart(http::label_of(answer.failure), answer.detail);
    if (status_ == 200) return restart("ended", cluster_.stream_server() + " ended the watch");
    http::Answer whole = answer;
    whole.status = status_;
    whole.body = buffer_;
    if (status_ == 401) cluster_.forget_token();
    const Explanation refusal = explain(whole, "watch", key_, cluster_.stream_server());
    restart(refusal.label, refusal.detail);
}

void KeyWatch::on_stall() {
    if (created_at_ && seen_ >= expected_) return;
    restart("stalled", cluster_.stream_server() + " says nothing of changes that there are");
}

// The position is kept where it can be: what happened meanwhile is told then. Until then nothing is heard, so whoever
// listens is told.
void KeyWatch::restart(const std::string& reason, const std::string& detail) {
    log::debug("etcd: the watch ended: {}", detail);
    stream_.reset();
    if (created_at_ && elapsed_at_most(*created_at_, now()) >= kLived) pause_ = Duration::zero();
    created_at_.reset();
    stall_timer_->disarm();
    expected_ = 0;
    fresh_connection_ = true;
    cluster_.pass_over_stream();
    pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
    retry_timer_->arm_in(part_of(pause_));
    const auto broken = events_.broken;  // survives this
    broken(reason + ": " + detail);
}

void KeyWatch::expect(std::uint64_t mod_revision) {
    if (!created_at_ || mod_revision <= std::max(seen_, expected_)) return;
    if (expected_ <= seen_) stall_timer_->arm_in(kStallLimit);
    expected_ = mod_revision;
}

}  // namespace leasehold::stores::etcd
