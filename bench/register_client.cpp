// SPDX-License-Identifier: Apache-2.0
#include "bench/register_client.h"

#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include <fmt/core.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/store_choice.h"
#include "base/clock.h"
#include "config/config.h"
#include "tests/harness/board.h"
#include "tests/harness/candidate.h"

namespace leasehold::bench {
namespace {

using harness::monotonic_now;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr Duration kPatience = std::chrono::seconds(10);
constexpr Duration kBetweenWrites = std::chrono::milliseconds(120);  // a watch may refuse to ask more often than that
constexpr int kWarmUps = 5;

config::Options options_of(const std::string& store_option, const std::string& election) {
    const std::string text =
        fmt::format("identity: bench\nelection: {{name: {}, store: {{{}}}}}\nworkload: {{command: [/bin/true]}}\n",
                    election, store_option);
    config::Loaded loaded = config::load_text(text, {.environment = config::process_environment()});
    if (!loaded.problems.empty()) throw std::runtime_error(loaded.problems.front().text("the bench's configuration"));
    return loaded.options;
}

std::int64_t wall_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(wall_now().time_since_epoch()).count();
}

}  // namespace

RegisterClient::RegisterClient(const std::string& store_option, const std::string& election) {
    auto loop = EventLoop::create();
    if (!loop) throw std::runtime_error(loop.error().message);
    loop_ = std::move(*loop);
    auto opened = app::open_store(*loop_, options_of(store_option, election), "bench");
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(opened->store);
}

template <class Condition>
void RegisterClient::await(const Condition& done, const std::string& what) {
    const auto begin = monotonic_now();
    while (!done()) {
        if (monotonic_now() - begin > kPatience) throw std::runtime_error(what + ": no answer");
        if (auto turned = loop_->run_once(std::chrono::milliseconds(100)); !turned) {
            throw std::runtime_error(turned.error().message);
        }
    }
}

election::Snapshot RegisterClient::read() {
    std::optional<election::ReadOutcome> outcome;
    store_->read(kPatience, [&](election::ReadOutcome read) { outcome = std::move(read); });
    await([&] { return outcome.has_value(); }, "reading " + store_->describe());
    if (outcome->status != election::ReadStatus::ok) throw std::runtime_error(outcome->detail);
    last_ = outcome->snapshot;
    return last_;
}

std::string RegisterClient::write() {
    election::Record record;
    record.holder = "bench";
    record.lease_duration = std::chrono::seconds(1);
    record.acquire_time_us = record.renew_time_us = wall_us();
    record.incarnation = "bench";
    record.write_id = election::WriteId{1, 1, ++writes_}.text();
    const std::string id = record.write_id;
    stores::WriteRequest request{.expect_absent = last_.presence == election::Presence::absent,
                                 .expected = last_.version,
                                 .record = std::move(record)};
    std::optional<election::WriteOutcome> outcome;
    store_->write(std::move(request), kPatience, [&](election::WriteOutcome written) { outcome = std::move(written); });
    await([&] { return outcome.has_value(); }, "writing " + store_->describe());
    if (outcome->status != election::WriteStatus::applied) throw std::runtime_error(outcome->detail);
    last_.presence = election::Presence::present;
    last_.version = outcome->version;
    return id;
}

std::chrono::nanoseconds lease_passes(const election::Record& record) {
    return monotonic_now() + std::chrono::microseconds(record.renew_time_us - wall_us()) + record.lease_duration;
}

namespace {

// Somebody else who watches, in a thread of its own, as it would be in another process.
class Watching {
public:
    Watching(const std::string& store_option, const std::string& election)
        : thread_([this, store_option, election] { run(store_option, election); }) {}
    ~Watching() {
        end_ = true;
        thread_.join();
    }
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;

    // When the write with this id was delivered first.
    std::chrono::nanoseconds delivered(const std::string& write_id) {
        const auto known = [&] {
            const std::lock_guard guard(mutex_);
            if (!failure_.empty()) throw std::runtime_error(failure_);
            return seen_.count(write_id) > 0;
        };
        if (!harness::eventually(known)) throw std::runtime_error("a write was never delivered");
        const std::lock_guard guard(mutex_);
        return seen_.at(write_id);
    }

private:
    void run(const std::string& store_option, const std::string& election) {
        try {
            RegisterClient client(store_option, election);
            client.store().watch({.seen =
                                      [this](const election::Snapshot& snapshot) {
                                          const auto now = monotonic_now();
                                          const std::lock_guard guard(mutex_);
                                          seen_.emplace(snapshot.record.write_id, now);
                                      },
                                  .broken = [](const std::string&) {}});
            while (!end_) {
                if (auto turned = client.loop().run_once(std::chrono::milliseconds(100)); !turned) {
                    throw std::runtime_error(turned.error().message);
                }
            }
        } catch (const std::exception& failure) {
            const std::lock_guard guard(mutex_);
            failure_ = failure.what();
        }
    }

    std::mutex mutex_;
    std::map<std::string, std::chrono::nanoseconds> seen_;  // by write id
    std::string failure_;
    std::atomic<bool> end_{false};
    std::thread thread_;
};

}  // namespace

StoreTimes measure_store(const std::string& store_option, const std::string& election, int repetitions) {
    RegisterClient writer(store_option, election);
    writer.read();
    writer.write();
    Watching watching(store_option, election);
    StoreTimes times;
    for (int i = 0; i < kWarmUps + repetitions; ++i) {
        std::this_thread::sleep_for(kBetweenWrites);
        const auto sent = monotonic_now();
        const std::string id = writer.write();
        const auto answered = monotonic_now();
        const auto delivered = watching.delivered(id);
        if (i < kWarmUps) continue;
        times.write.push_back(Milliseconds(answered - sent).count());
        times.delivery.push_back(Milliseconds(delivered - sent).count());
    }
    return times;
}

namespace {

// The workload, started in the fastest way there is: its parent's memory is not copied.
class Spawned {
public:
    explicit Spawned(std::string board) {
        std::string program = harness::stamper_program();
        char* const arguments[] = {program.data(), board.data(), nullptr};
        if (posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments, environ) != 0) {
            throw std::runtime_error("cannot start " + program);
        }
    }
    ~Spawned() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Spawned(const Spawned&) = delete;
    Spawned& operator=(const Spawned&) = delete;

private:
    pid_t pid_ = -1;
};

}  // namespace

std::vector<double> measure_exec(int repetitions) {
    const harness::TempFolder folder;
    const harness::Board board(folder.path("board"));
    std::vector<double> times;
    for (int i = 0; i < kWarmUps + repetitions; ++i) {
        const std::size_t before = board.runs().size();
        const auto begin = monotonic_now();
        const Spawned workload(folder.path("board"));
        if (!harness::eventually([&] { return board.runs().size() > before; })) {
            throw std::runtime_error("the workload does not start");
        }
        if (i >= kWarmUps) times.push_back(Milliseconds(board.runs().back().first - begin).count());
    }
    return times;
}

}  // namespace leasehold::bench
