// SPDX-License-Identifier: Apache-2.0
#include "bench/member.h"

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace leasehold::bench {
namespace {

constexpr std::chrono::seconds kLongestStop{20};
constexpr const char* kWorkload = "stamper";

// SIGTERM was sent.
void await_end(harness::Process& process) {
    if (!process.wait(kLongestStop)) process.signal(SIGKILL);
    process.wait();
}

}  // namespace

void demand(bool condition, const std::string& otherwise) {
    if (!condition) throw std::runtime_error(otherwise);
}

harness::Process& Member::process() { return ours ? ours->process() : client_go ? client_go->process() : *other; }

std::vector<pid_t> Member::own_processes() {
    std::vector<pid_t> all = harness::descendants_of(process().pid());
    all.insert(all.begin(), process().pid());
    std::erase_if(all, [](pid_t one) { return harness::name_of(one) == kWorkload; });
    return all;
}

Group::~Group() {
    for (auto& member : members_) member->process().signal(SIGTERM);
    for (auto& member : members_) await_end(member->process());
    for (auto& member : members_) kill_left_behind(member->name);
}

// What still holds its lock on the board is alive, so that its number is still its own.
void Group::kill_left_behind(const std::string& name) {
    const std::vector<std::uint64_t> living = board_.living_trees();
    for (const harness::Stint& run : board_.runs()) {
        const bool alive = std::find(living.begin(), living.end(), run.tree) != living.end();
        const auto process = static_cast<pid_t>(run.pid);
        if (alive && run.identity == name && harness::name_of(process) == kWorkload) kill(process, SIGKILL);
    }
}

Member& Group::start_leasehold(const std::string& name, harness::Candidate::Options options) {
    options.folder = folder_.path();
    options.name = name;
    if (options.command.empty()) options.command = workload();
    auto member = std::make_unique<Member>();
    member->name = name;
    member->ours = std::make_unique<harness::Candidate>(std::move(options));
    return *members_.emplace_back(std::move(member));
}

Member& Group::start_client_go(const std::string& name, servers::ClientGoOptions options) {
    options.folder = folder_.path();
    options.identity = name;
    if (options.command.empty()) options.command = workload();
    auto member = std::make_unique<Member>();
    member->name = name;
    member->client_go = std::make_unique<servers::ClientGoCandidate>(std::move(options));
    return *members_.emplace_back(std::move(member));
}

Member& Group::start_other(const std::string& name, std::vector<std::string> command) {
    for (const std::string& part : workload()) command.push_back(part);
    auto member = std::make_unique<Member>();
    member->name = name;
    member->other = std::make_unique<harness::Process>(
        harness::Process::Options{.arguments = command,
                                  .output = folder_.path(name + ".log"),
                                  .environment = {"LEASEHOLD_IDENTITY=" + name, "LEASEHOLD_TERM_ID=" + name}});
    return *members_.emplace_back(std::move(member));
}

void Group::stop(Member& member) {
    member.process().signal(SIGTERM);
    await_end(member.process());
    kill_left_behind(member.name);
    std::erase_if(members_, [&](const auto& one) { return one.get() == &member; });
}

bool Group::has_runs(std::size_t wanted, std::chrono::milliseconds limit) {
    return harness::eventually([&] { return board_.runs().size() >= wanted; }, limit);
}

Member& Group::leader() {
    const std::vector<harness::Stint> all = runs();
    demand(!all.empty(), "nobody has run yet");
    for (auto& member : members_) {
        if (member->name == all.back().identity) return *member;
    }
    throw std::runtime_error("whoever ran last is gone");
}

std::vector<Member*> Group::standbys() {
    const Member& leading = leader();
    std::vector<Member*> others;
    for (auto& member : members_) {
        if (member.get() != &leading) others.push_back(member.get());
    }
    return others;
}

}  // namespace leasehold::bench
