// SPDX-License-Identifier: Apache-2.0
//
// The simulator's store is held to what every store must do: what the elections prove on it would be worth nothing
// otherwise. Its virtual time runs as fast as the loop turns.
#include "tests/conformance/store_conformance.h"

#include <algorithm>
#include <map>

#include "election/stores/record_json.h"
#include "tests/sim/context.h"
#include "tests/sim/fake_register.h"

namespace leasehold::sim {
namespace {

using election::ReadOutcome;
using election::ReadStatus;
using election::Record;
using election::Snapshot;
using election::WriteOutcome;
using election::WriteStatus;
using std::chrono::milliseconds;
using stores::Store;

constexpr std::size_t kMostClients = 64;

// The world: nothing is wrong with it but what a test asks for.
class World {
public:
    World(EventLoop& loop, Numbering numbering) : context_(1, Wishes{}) {
        context_.profile.candidates.resize(kMostClients, context_.profile.candidates.front());
        context_.profile.numbering = numbering;
        store_ = std::make_unique<FakeRegister>(context_, [](const FakeRegister::Applied&) {});
        pump_ = std::move(Timer::create(loop, [this] { go_on(); }).value());
        go_on();
    }

    FakeRegister& store() { return *store_; }

    void set_links(const Link& link) {
        for (std::size_t i = 0; i < kMostClients; ++i) store_->set_link(static_cast<int>(i), link);
    }

private:
    void go_on() {
        pump_->arm_in(milliseconds(1));
        context_.time.run_until(context_.time.now() + milliseconds(50));
    }

    Context context_;
    std::unique_ptr<FakeRegister> store_;
    std::unique_ptr<Timer> pump_;
};

// One client of it. Deadlines are the client's here, as they are the simulated agent's in an election.
class SimStore : public Store {
public:
    SimStore(EventLoop& loop, std::shared_ptr<World> world, int client)
        : loop_(loop), world_(std::move(world)), client_(client) {}
    ~SimStore() override { world_->store().unwatch(client_); }

    void read(Duration timeout, ReadCallback done) override {
        const int call = begin(timeout, [done] { done({ReadStatus::failed, {}, "timeout", "no answer", {}}); });
        if (timeout <= Duration::zero()) return;
        world_->store().read(client_, [this, alive = std::weak_ptr(alive_), call, done](ReadOutcome outcome) {
            if (!alive.lock() || calls_.erase(call) == 0) return;
            outcome.snapshot.record.renew_time_us = 0;
            done(std::move(outcome));
        });
    }

    void write(stores::WriteRequest request, Duration timeout, WriteCallback done) override {
        const int call = begin(timeout, [done] { done({WriteStatus::unknown, {}, "timeout", "no answer", {}}); });
        if (timeout <= Duration::zero()) return;
        election::DoWrite write;
        write.expect_absent = request.expect_absent;
        write.expected = request.expected;
        write.record = request.record;
        const auto answered = [this, alive = std::weak_ptr(alive_), call, done](WriteOutcome outcome) {
            if (alive.lock() && calls_.erase(call) != 0) done(std::move(outcome));
        };
        world_->store().write(client_, write, answered);
    }

    void watch(Watcher watcher) override {
        world_->store().watch(client_, {.seen =
                                            [seen = watcher.seen](Snapshot snapshot) {
                                                snapshot.record.renew_time_us = 0;
                                                seen(std::move(snapshot));
                                            },
                                        .broken = watcher.broken});
    }

    std::string describe() const override { return "the simulator's register"; }

private:
    int begin(Duration timeout, std::function<void()> expired) {
        const int call = ++last_call_;
        auto timer = Timer::create(loop_, [this, call, expired = std::move(expired)] {
            const auto done = expired;  // survives the timer
            calls_.erase(call);
            done();
        });
        (*timer)->arm_in(timeout);
        calls_[call] = std::move(*timer);
        return call;
    }

    EventLoop& loop_;
    const std::shared_ptr<World> world_;
    const int client_;
    std::map<int, std::unique_ptr<Timer>> calls_;  // under way, with their deadlines
    int last_call_ = 0;
    const std::shared_ptr<int> alive_ = std::make_shared<int>();
};

template <Numbering kNumbering>
class SimSubject {
public:
    std::unique_ptr<Store> open(EventLoop& loop) {
        if (!world_) world_ = std::make_shared<World>(loop, kNumbering);
        return std::make_unique<SimStore>(loop, world_, clients_++);
    }
    void remove() { world_->store().remove(); }
    void put(const std::string& text) {
        const auto decoded = stores::decode_record(text);
        world_->store().put(decoded.presence, decoded.record, decoded.problem);
    }
    void stall() { world_->set_links({.requests_cut = true, .answers_cut = true}); }
    void lose_answers() { world_->set_links({.answers_cut = true}); }
    void resume() { world_->set_links({}); }

    // It keeps a time of its own.
    static Record as_kept(Record record) {
        record.renew_time_us = 0;
        return record;
    }

private:
    std::shared_ptr<World> world_;
    int clients_ = 0;
};

using Subjects = ::testing::Types<SimSubject<Numbering::counted>, SimSubject<Numbering::witnessed>>;

}  // namespace
}  // namespace leasehold::sim

namespace leasehold::stores {
INSTANTIATE_TYPED_TEST_SUITE_P(Simulator, StoreConformance, sim::Subjects);
}  // namespace leasehold::stores
