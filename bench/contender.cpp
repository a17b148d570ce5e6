// SPDX-License-Identifier: Apache-2.0
#include "bench/contender.h"

#include <csignal>
#include <utility>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "election/stores/secret_text.h"
#include "tests/servers/client_go_candidate.h"
#include "tests/servers/etcd_cluster.h"
#include "tests/servers/server_process.h"

namespace leasehold::bench {
namespace {

using harness::Candidate;
using harness::Process;
using harness::read_file;
using servers::ClientGoCandidate;
using servers::EtcdCluster;

constexpr const char* kEtcdctl = "/usr/bin/etcdctl";

class OurContender final : public Contender {
public:
    explicit OurContender(Candidate::Options options) : candidate_(std::move(options)) {}

    Process& process() override { return candidate_.process(); }
    void stop() override { process().signal(SIGTERM); }
    void kill_supervisor() override { kill(candidate_.role("leasehold-super"), SIGKILL); }
    void kill_whole() override { candidate_.kill_all(); }

    bool waits_for(const std::string& leader) override {
        candidate_.role("leasehold-super");  // one that dies often is started again after a pause
        return candidate_.log().find(leader + " holds the lease", seen_) != std::string::npos;
    }
    void forget() override { seen_ = candidate_.log().size(); }

private:
    Candidate candidate_;
    std::size_t seen_ = 0;  // of the log
};

class Ours final : public Tool {
public:
    Ours(StoreServers& servers, std::string program)
        : servers_(servers), program_(std::move(program)), lock_(servers.new_lock()) {}

    std::unique_ptr<Contender> start(const Seat& seat) override {
        return std::make_unique<OurContender>(Candidate::Options{.folder = seat.folder,
                                                                 .name = seat.name,
                                                                 .command = {harness::stamper_program(), seat.board},
                                                                 .timing = {"2s", "1s", "200ms"},
                                                                 .election = lock_.election,
                                                                 .program = program_,
                                                                 .store = servers_.option(lock_, seat.ports)});
    }
    std::chrono::milliseconds rhythm() const override { return std::chrono::milliseconds(200); }
    bool ends_in_order() const override { return true; }
    Place record() override { return {servers_.option(lock_, servers_.ports()), lock_.election}; }

private:
    StoreServers& servers_;
    const std::string program_;
    const StoreServers::Lock lock_;
};

// The others: one process, and the workload in the same process group.
class OtherContender : public Contender {
public:
    void kill_supervisor() override { process().signal(SIGKILL); }
    void kill_whole() override { to_group(SIGKILL); }

protected:
    // The number of a process that was not waited for is nobody else's.
    void to_group(int signal) {
        if (!ended_) kill(-process().pid(), signal);
    }
};

class ClientGoContender final : public OtherContender {
public:
    explicit ClientGoContender(servers::ClientGoOptions options) : candidate_(std::move(options)) {}
    ~ClientGoContender() override { to_group(SIGKILL); }

    Process& process() override { return candidate_.process(); }
    void stop() override { process().signal(SIGTERM); }
    bool waits_for(const std::string& leader) override {
        static_cast<void>(leader);
        return candidate_.log().find("attempting to acquire") != std::string::npos;
    }

private:
    ClientGoCandidate candidate_;
};

class ClientGo final : public Tool {
public:
    ClientGo(StoreServers& servers, ClientGoTiming timing, bool plain)
        : servers_(servers), timing_(std::move(timing)), plain_(plain), lock_(servers.new_lock()) {}

    std::unique_ptr<Contender> start(const Seat& seat) override {
        return std::make_unique<ClientGoContender>(
            servers::ClientGoOptions{.folder = seat.folder,
                                     .identity = seat.name,
                                     .kubeconfig = servers_.kubeconfig(lock_, seat.ports),
                                     .namespace_name = lock_.namespace_name,
                                     .name = lock_.election,
                                     .lease_duration = timing_.lease,
                                     .renew_deadline = timing_.deadline,
                                     .retry_period = timing_.retry,
                                     .plain = plain_,
                                     .command = {harness::stamper_program(), seat.board}});
    }
    std::chrono::milliseconds rhythm() const override { return timing_.rhythm; }
    Place record() override { return {servers_.option(lock_, servers_.ports()), lock_.election}; }

private:
    StoreServers& servers_;
    const ClientGoTiming timing_;
    const bool plain_;
    const StoreServers::Lock lock_;
};

// `consul lock` and `etcdctl lock`: a command that executes another once it has the lock, and ends with it.
class CommandContender final : public OtherContender {
public:
    struct Options {
        bool to_group = false;  // SIGTERM
        std::string waits;      // what it logs before it waits; empty: nothing
    };
    CommandContender(const Seat& seat, std::vector<std::string> arguments, Options options)
        : options_(std::move(options)),
          log_(seat.folder + '/' + seat.name + ".log"),
          process_({.arguments = std::move(arguments),
                    .output = log_,
                    .environment = {"LEASEHOLD_IDENTITY=" + seat.name, "LEASEHOLD_TERM_ID=" + seat.name}}) {}
    ~CommandContender() override { to_group(SIGKILL); }

    Process& process() override { return process_; }
    void stop() override {
        if (options_.to_group) {
            to_group(SIGTERM);
        } else {
            process().signal(SIGTERM);
        }
    }
    bool waits_for(const std::string& leader) override {
        static_cast<void>(leader);
        return read_file(log_).find(options_.waits) != std::string::npos;
    }

private:
    const Options options_;
    const std::string log_;
    Process process_;
};

class ConsulLock final : public Tool {
public:
    explicit ConsulLock(StoreServers& servers) : lock_(servers.new_lock()) {}

    std::unique_ptr<Contender> start(const Seat& seat) override {
        return std::make_unique<CommandContender>(
            seat,
            std::vector<std::string>{servers::cache_folder("consul") + "/consul", "lock", "-verbose", "-shell=false",
                                     fmt::format("-http-addr=127.0.0.1:{}", seat.ports.at(0)), lock_.election,
                                     harness::stamper_program(), seat.board},
            CommandContender::Options{.to_group = false, .waits = "Attempting lock acquisition"});
    }

private:
    const StoreServers::Lock lock_;
};

class EtcdctlLock final : public Tool {
public:
    EtcdctlLock(StoreServers& servers, bool to_group)
        : cluster_(dynamic_cast<EtcdCluster&>(servers.ensemble())), to_group_(to_group), lock_(servers.new_lock()) {}

    std::unique_ptr<Contender> start(const Seat& seat) override {
        return std::make_unique<CommandContender>(
            seat,
            std::vector<std::string>{kEtcdctl,
                                     fmt::format("--endpoints={}", fmt::join(servers::addresses(seat.ports), ",")),
                                     "lock", lock_.election, harness::stamper_program(), seat.board},
            CommandContender::Options{.to_group = to_group_, .waits = {}});
    }

    // Each has a key below the lock's name, first come first served.
    bool all_there(int candidates) override {
        const auto answer = cluster_.must("/v3/kv/range", {{"key", stores::encode_base64(lock_.election + '/')},
                                                           {"range_end", stores::encode_base64(lock_.election + '0')},
                                                           {"count_only", true}});
        return answer.value("count", "0") == std::to_string(candidates);
    }

private:
    EtcdCluster& cluster_;
    const bool to_group_;
    const StoreServers::Lock lock_;
};

}  // namespace

bool Contender::ended(std::chrono::milliseconds limit) {
    ended_ = ended_ || process().wait(limit).has_value();
    return ended_;
}

MakeTool leasehold_on(StoreServers& servers, const std::string& program) {
    return [&servers, program] { return std::make_unique<Ours>(servers, program); };
}

MakeTool client_go_on(StoreServers& servers, const ClientGoTiming& timing, bool plain) {
    return [&servers, timing, plain] { return std::make_unique<ClientGo>(servers, timing, plain); };
}

MakeTool consul_lock_on(StoreServers& servers) {
    return [&servers] { return std::make_unique<ConsulLock>(servers); };
}

MakeTool etcdctl_lock_on(StoreServers& servers, bool to_group) {
    return [&servers, to_group] { return std::make_unique<EtcdctlLock>(servers, to_group); };
}

std::string etcdctl_unavailable() {
    return access(kEtcdctl, X_OK) == 0 ? "" : "etcdctl is not installed: install the package etcd-client";
}

}  // namespace leasehold::bench
