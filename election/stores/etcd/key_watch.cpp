// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/key_watch.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "election/stores/etcd/refusal.h"

namespace leasehold::stores::etcd {
namespace {

using std::chrono::seconds;

constexpr Duration kLookTimeout = seconds(5);
constexpr Duration kOpenTimeout = seconds(3);
constexpr Duration kStallLimit = seconds(5);
constexpr Duration kLived = seconds(5);  // longer than what fails at once
constexpr std::size_t kLongestLine = 4 << 20;

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
    if (position_ == 0 || !cluster_.has_token()) return look();
    const Cluster::Call call{"/v3/watch", watch_request(key_, position_ + 1), "watch", true};
    stall_timer_->arm_in(kOpenTimeout);  // the headers may be there long before the first word
    stream_ = cluster_.stream(call, kOpenTimeout, std::exchange(fresh_connection_, false),
                              {.opened = [this](int status, const auto&) { opened(status); },
                               .data = [this](std::string_view data) { received(data); },
                               .ended = [this](const http::Answer& answer) { ended(answer); }});
}

// Where to begin: a watch that began whenever the server gets to it would miss what happens until then.
void KeyWatch::look() {
    const auto done = [this, alive = alive_](const Cluster::Reply& reply) {
        if (*alive) looked(reply);
    };
    cluster_.send({"/v3/kv/range", range_request(key_), "read", true}, kLookTimeout, done);
}

void KeyWatch::looked(const Cluster::Reply& reply) {
    if (reply.refusal) return refused(*reply.refusal);
    std::string problem;
    const auto answer = parse_range(reply.body, problem);
    if (!answer || answer->header.revision == 0) return refused(malformed(problem, reply.server));
    position_ = answer->header.revision;
    const bool is_there = answer->found.has_value();
    seen_ = is_there ? answer->found->place.mod_revision : seen_;
    const auto changed = events_.changed;  // survives this
    const std::shared_ptr<bool> alive = alive_;
    changed({.deleted = !is_there, .now = answer->found.value_or(KeyValue())});
    if (*alive) connect();
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
    refused(malformed(problem, cluster_.stream_server()));
    return false;
}

bool KeyWatch::take_in(const WatchMessage& message) {
    const std::string& server = cluster_.stream_server();
    Identity& identity = cluster_.identity();
    if (!message.refusal && !identity.accepts(message.header.cluster_id)) {
        refused({"another_cluster", identity.problem(server, message.header.cluster_id)});
        return false;
    }
    if (message.compacted) {
        position_ = 0;
        restart("compacted", server + " no longer has the changes since the last one seen");
        return false;
    }
    if (message.refusal) {
        refused(explain(*message.refusal, "watch", key_, server));
        return false;
    }
    if (message.created) return created(message.header);
    // The header of a message with changes may be ahead of them: others are still to come.
    if (message.changes.empty()) position_ = std::max(position_, message.header.revision);
    const std::shared_ptr<bool> alive = alive_;
    const auto changed = events_.changed;  // survives this
    for (const WatchMessage::Change& change : message.changes) {
        const std::uint64_t revision = change.now.place.mod_revision;
        position_ = std::max(position_, revision);
        if (revision > seen_) pause_.reset();  // what was told before is no news
        seen_ = std::max(seen_, revision);
        changed(change);
        if (!*alive) return false;
    }
    return true;
}

// From now on the server tells.
bool KeyWatch::created(const Header& header) {
    if (header.revision < position_) {
        // It is behind the others, or all of them have been restored from a backup: a look will tell.
        position_ = 0;
        restart("behind", cluster_.stream_server() + " does not know yet what was seen at another member");
        return false;
    }
    if (!said_.empty()) log::info("etcd: the watch works again, at {}", cluster_.stream_server());
    said_.clear();
    created_at_ = now();
    stall_timer_->disarm();
    return true;
}

void KeyWatch::ended(const http::Answer& answer) {
    const std::string& server = cluster_.stream_server();
    // The last line of a stream that fails has no end, and says why it does.
    if (const auto refusal = parse_refusal(buffer_)) return refused(explain(*refusal, "watch", key_, server));
    if (answer.failure == http::Failure::none && status_ == 200) return restart("ended", server + " ended the watch");
    http::Answer whole = answer;
    whole.status = status_;
    whole.body = buffer_;
    refused(explain(whole, "watch", key_, server));
}

void KeyWatch::on_stall() {
    if (created_at_ && seen_ >= expected_) return;
    restart("stalled", cluster_.stream_server() + " says nothing of changes that there are");
}

// Told once, and again after it has worked; failures of the network are not refusals.
void KeyWatch::refused(const Explanation& refusal) {
    if (refusal.asks_for_token) cluster_.forget_stream_token();
    const bool is_transport = refusal.label == "timeout" || refusal.label == "connect" || refusal.label == "reset";
    if (!is_transport && said_ != refusal.label) {
        log::warn("etcd: {}; until there is a watch, the record is read now and then", refusal.detail);
        said_ = refusal.label;
    }
    pause_.at_least(refusal.retry_after);
    restart(refusal.label, refusal.detail);
}

// The position is kept where it can be: what happened meanwhile is told then. Until then nothing is heard, so whoever
// listens is told.
void KeyWatch::restart(const std::string& reason, const std::string& detail) {
    log::debug("etcd: the watch ended: {}", detail);
    if (stream_) cluster_.leave_stream_server();
    stream_.reset();
    if (created_at_ && elapsed_at_most(*created_at_, now()) >= kLived) pause_.reset();
    created_at_.reset();
    stall_timer_->disarm();
    expected_ = 0;
    fresh_connection_ = true;
    retry_timer_->arm_in(part_of(pause_.next()));
    const auto broken = events_.broken;  // survives this
    broken(reason + ": " + detail);
}

void KeyWatch::expect(std::uint64_t mod_revision) {
    if (!created_at_ || mod_revision <= std::max(seen_, expected_)) return;
    if (expected_ <= seen_) stall_timer_->arm_in(kStallLimit);
    expected_ = mod_revision;
}

}  // namespace leasehold::stores::etcd
