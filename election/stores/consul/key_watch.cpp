// SPDX-License-Identifier: Apache-2.0
#include "election/stores/consul/key_watch.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/log.h"
#include "election/stores/consul/refusal.h"

namespace leasehold::stores::consul {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The server adds up to a sixteenth, and answers then.
constexpr seconds kWait{300};
constexpr Duration kWaitingTimeout = kWait + kWait / 16 + seconds(10);
constexpr Duration kAskingTimeout = seconds(10);
constexpr Duration kBodyLimit = seconds(5);
constexpr Duration kStallLimit = seconds(5);
constexpr Duration kLived = seconds(5);  // longer than what fails at once
constexpr std::size_t kLongestBody = 4 << 20;

// However fast somebody answers: ten requests a second in the long run, one if they bring nothing new (while a key is
// absent, every write below the same prefix may be told).
constexpr Duration kMostCredit = seconds(2);
constexpr Duration kCostOfNews = milliseconds(100);
constexpr Duration kCostOfNothing = seconds(1);
// While a lease changes hands, and the new leader's workload starts, the servers have writes to answer. What those
// bring about is told together, afterwards.
constexpr Duration kRest = milliseconds(25);

}  // namespace

KeyWatch::KeyWatch(Agent& agent, std::string key, Events events)
    : agent_(agent),
      key_(std::move(key)),
      events_(std::move(events)),
      alive_(std::make_shared<bool>(true)),
      paid_at_(now()),
      credit_(kMostCredit) {}

KeyWatch::~KeyWatch() { *alive_ = false; }

Result<std::unique_ptr<KeyWatch>> KeyWatch::start(EventLoop& loop, Agent& agent, std::string key, Events events) {
    std::unique_ptr<KeyWatch> watch(new KeyWatch(agent, std::move(key), std::move(events)));
    auto ask = Timer::create(loop, [raw = watch.get()] { raw->ask(); });
    if (!ask) return tl::unexpected<Error>(ask.error());
    watch->ask_timer_ = std::move(*ask);
    auto stall = Timer::create(loop, [raw = watch.get()] {
        raw->restart("stalled", raw->agent_.address() + " says nothing of changes that there are");
    });
    if (!stall) return tl::unexpected<Error>(stall.error());
    watch->stall_timer_ = std::move(*stall);
    watch->ask();
    return watch;
}

void KeyWatch::ask() {
    body_.clear();
    headers_.clear();
    status_ = 0;
    asked_at_ = now();
    const bool waits = index_ != 0;
    const std::string target =
        waits ? waiting_kv_target(key_, index_, static_cast<std::uint64_t>(kWait.count())) : kv_target(key_);
    stream_ = agent_.stream(target, waits ? kWaitingTimeout : kAskingTimeout, std::exchange(fresh_connection_, false),
                            {.opened = [this](int status, const Headers& headers) { opened(status, headers); },
                             .data = [this](std::string_view data) { received(data); },
                             .ended = [this](const http::Answer& answer) { ended(answer); }});
}

void KeyWatch::pay(Duration cost) {
    const Instant at = now();
    credit_ = std::min(kMostCredit, credit_ + elapsed_at_most(paid_at_, at)) - cost;
    paid_at_ = at;
}

void KeyWatch::ask_again(Duration cost, Duration rest) {
    pay(cost);
    const Duration pause = std::max(rest, -credit_);
    if (pause <= Duration::zero()) return ask();
    ask_timer_->arm_in(pause);
}

void KeyWatch::opened(int status, const Headers& headers) {
    status_ = status;
    headers_ = headers;
    opened_at_ = now();
}

void KeyWatch::received(std::string_view data) {
    body_.append(data);
    if (body_.size() > kLongestBody) {
        return restart("too_large", "the answer of " + agent_.address() + " does not end");
    }
    if (elapsed_at_most(opened_at_, now()) < kBodyLimit) return;  // silence ends it too, as a timeout of the stream
    restart("timeout", "the answer of " + agent_.address() + " comes too slowly");
}

void KeyWatch::ended(const http::Answer& answer) {
    if (answer.failure != http::Failure::none) return restart(http::label_of(answer.failure), answer.detail);
    const auto position = position_of(headers_);
    const bool absent = status_ == 404 && body_.empty();
    if (!position || (status_ != 200 && !absent)) {
        http::Answer whole = answer;
        whole.status = status_;
        whole.body = body_;
        const Explanation refusal = explain(whole, "watch", key_, agent_.address());
        return restart(refusal.label, refusal.detail);
    }
    std::optional<Entry> entry;
    std::string problem;
    if (!absent && !(entry = parse_entry(body_, key_, problem))) return restart("malformed", problem);
    if (position->index < index_) {
        return restart("index_went_back",
                       fmt::format("the index went back from {} to {}: a snapshot was restored, or another cluster or "
                                   "datacenter answers at {}",
                                   index_, position->index, agent_.address()));
    }
    take_in(position->index, entry);
}

void KeyWatch::take_in(std::uint64_t index, const std::optional<Entry>& entry) {
    const std::uint64_t now_at = entry ? entry->modify_index : 0;
    const bool waited = index_ != 0;
    if (!waited || is_expected(now_at, index)) {
        stall_timer_->disarm();
        expected_.reset();
    }
    if (waited) pause_.reset();  // whoever answers at once may still refuse to wait
    const bool news = std::exchange(seen_, now_at) != now_at;
    const bool abandoned = waited && index == index_ && elapsed_at_most(asked_at_, now()) < kWait;
    index_ = abandoned ? 0 : std::max<std::uint64_t>(index, 1);  // 0 does not wait
    // Whoever listens may have something to write: the connection that this came over is free for it.
    const std::shared_ptr<bool> alive = alive_;
    const auto seen = events_.seen;  // survives this
    const bool rests = seen(entry) && waited && news;
    if (*alive) ask_again(news ? kCostOfNews : kCostOfNothing, rests ? kRest : Duration::zero());
}

// Until the next answer nothing is heard, so whoever listens is told.
void KeyWatch::restart(const std::string& reason, const std::string& detail) {
    log::debug("consul: the watch ended: {}", detail);
    stream_.reset();
    stall_timer_->disarm();
    expected_.reset();
    if (index_ != 0 && elapsed_at_most(asked_at_, now()) >= kLived) pause_.reset();
    index_ = 0;
    fresh_connection_ = true;
    pay(kCostOfNothing);
    ask_timer_->arm_in(std::max(part_of(pause_.next()), -credit_));
    const auto broken = events_.broken;  // survives this
    broken(reason + ": " + detail);
}

void KeyWatch::expect(std::uint64_t modify_index) {
    if (index_ == 0 || expected_ || seen_ == modify_index) return;
    const std::uint64_t shown = seen_.value_or(0) != 0 ? *seen_ : index_;
    expected_ = {modify_index, std::max(modify_index, shown + 1)};
    stall_timer_->arm_in(kStallLimit);
}

// An answer that is older than what was expected may be on its way still. Of an absence only the index tells how new it
// is.
bool KeyWatch::is_expected(std::uint64_t now_at, std::uint64_t index) const {
    return !expected_ || now_at == expected_->modify_index || (now_at != 0 ? now_at : index) >= expected_->at_least;
}

}  // namespace leasehold::stores::consul
