// SPDX-License-Identifier: Apache-2.0
#include "bench/contest.h"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include <fmt/core.h>

namespace leasehold::bench {
namespace {

using harness::eventually;
using harness::Stint;

constexpr std::chrono::seconds kPatience{60};

}  // namespace

Contest::Contest(StoreServers& servers, std::unique_ptr<Tool> tool, Options options)
    : servers_(servers), tool_(std::move(tool)), options_(options) {
    for (int i = 0; i < options_.candidates; ++i) members_.push_back(seat());
}

Contest::~Contest() {
    for (Member& member : members_) {
        if (member.network) member.network->repair();
        if (tool_->ends_in_order()) member.contender->stop();
    }
    if (!tool_->ends_in_order()) return;
    for (Member& member : members_) member.contender->ended(std::chrono::seconds(20));
}

Contest::Member Contest::seat() {
    Member member{.name = fmt::format("c{}", ++names_), .network = {}, .contender = {}};
    if (options_.relays) member.network = std::make_unique<servers::Relays>(servers_.ports());
    member.contender = tool_->start({.folder = folder_.path(),
                                     .board = folder_.path("board"),
                                     .name = member.name,
                                     .ports = member.network ? member.network->ports() : servers_.ports()});
    return member;
}

Contest::Member& Contest::member(const std::string& name) {
    const auto found =
        std::find_if(members_.begin(), members_.end(), [&](const auto& one) { return one.name == name; });
    if (found == members_.end()) throw std::runtime_error("somebody ran who is no candidate: " + name);
    return *found;
}

bool Contest::settled() {
    const std::vector<Stint> runs = board_.runs();
    if (runs.empty()) return false;
    const std::string& leader = runs.back().identity;
    return std::all_of(members_.begin(), members_.end(),
                       [&](Member& one) { return one.name == leader || one.contender->waits_for(leader); }) &&
           tool_->all_there(options_.candidates);
}

void Contest::settle() {
    if (!eventually([this] { return settled(); }, kPatience)) throw std::runtime_error("the candidates do not settle");
    const auto rhythm = tool_->rhythm();
    std::uniform_int_distribution<std::int64_t> moment(0, std::chrono::microseconds(rhythm).count());
    std::this_thread::sleep_for(rhythm + std::chrono::microseconds(moment(random_)));
}

Contest::Strike Contest::strike(const std::function<void(Member&)>& fault) {
    const std::vector<Stint> runs = board_.runs();
    for (Member& one : members_) one.contender->forget();
    Member& leader = member(runs.back().identity);
    const Strike strike{.at = harness::monotonic_now(), .run = runs.size() - 1, .leader = leader.name};
    fault(leader);
    return strike;
}

std::optional<Stint> Contest::successor(const Strike& strike) const {
    const std::vector<Stint> runs = board_.runs();
    return runs.size() > strike.run + 1 ? std::optional(runs[strike.run + 1]) : std::nullopt;
}

std::optional<Stint> Contest::await_successor(const Strike& strike, std::chrono::milliseconds limit) const {
    eventually([&] { return successor(strike).has_value(); }, limit);
    return successor(strike);
}

std::chrono::nanoseconds Contest::end_of(const Strike& strike) const { return board_.runs().at(strike.run).last; }

void Contest::replace(const Strike& strike) {
    Member& gone = member(strike.leader);
    gone.contender->stop();
    if (!gone.contender->ended(kPatience)) throw std::runtime_error("a candidate that was told to end does not");
    gone = seat();
}

void Contest::repair(const Strike& strike) { member(strike.leader).network->repair(); }

int Contest::overlaps() const {
    const std::vector<Stint> runs = board_.runs();
    std::chrono::nanoseconds latest{};
    int count = 0;
    for (const Stint& run : runs) {
        if (run.first <= latest || run.met_another) ++count;
        latest = std::max(latest, run.last);
    }
    return count;
}

}  // namespace leasehold::bench
