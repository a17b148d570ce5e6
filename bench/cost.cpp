// SPDX-License-Identifier: Apache-2.0
//
// What it costs to have a candidate and its standby, when nothing happens: memory, CPU, requests and bytes.
//
// Every tool has a leader and a standby on a real store, at the default timing 15/10/2 or what the tool has instead.
// They all run at the same time, and after a while to settle they are watched for one minute: CPU time used by all of a
// candidate's own processes (not the workload), bytes in both directions through a relay between each candidate and the
// store, and requests as the store or the candidate itself counts them. What is said of an hour is sixty times that.
// Memory is taken at the end of the minute: private memory as the kernel counts it now, which is what one more
// candidate costs a machine that has another; proportional set size as it would be if the candidate were alone
// (process_cost.h).
#include "bench/sections.h"

#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <sstream>
#include <thread>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

#include "bench/kube_users.h"
#include "bench/member.h"
#include "bench/one_file.h"
#include "bench/process_cost.h"
#include "tests/servers/ensemble.h"
#include "tests/servers/kube_api.h"
#include "tests/servers/relays.h"
#include "tests/servers/server_process.h"

namespace leasehold::bench {
namespace {

using servers::Ensemble;
using servers::KubeApi;
using servers::Relays;

constexpr const char* kSection = "cost";
constexpr std::chrono::seconds kWindow{60};
constexpr std::chrono::seconds kSettling{10};  // beyond the start: heaps grow with the first renewals
constexpr double kPrivateGoalMib = 8;
constexpr double kStandbyGoal = 240;  // one check a lease duration
const harness::TestTiming kDefaults{"15s", "10s", "2s"};

struct Requests {
    double watch = 0;
    double other = 0;
};

// One candidate, and how to count what it asks for.
struct Subject {
    std::string setting;
    std::string name;
    bool leads = false;
    Member* member = nullptr;
    std::unique_ptr<Relays> ways = {};                // absent: no network
    std::function<Requests(std::size_t)> audit = {};  // since a mark in the audit log; empty: there is none

    bool is_ours() const { return member->ours != nullptr; }
};

struct Usage {
    double cpu_s = 0;
    double bytes = 0;
    double requests = 0;  // by leasehold's own count
};

std::uint64_t bytes_through(Relays& ways) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < ways.size(); ++i) {
        sum += ways[i].counts().bytes_to_server + ways[i].counts().bytes_to_client;
    }
    return sum;
}

// leasehold_store_requests_total, all of them.
double own_count(harness::Candidate& candidate) {
    double sum = 0;
    std::istringstream lines(harness::http_get(candidate.http_port(), "/metrics").body);
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind("leasehold_store_requests_total{", 0) == 0) sum += std::atof(line.c_str() + line.rfind(' '));
    }
    return sum;
}

// CPU last of all at the beginning, and first at the end: asking costs the candidate something.
Usage usage_before(const Subject& subject) {
    Usage usage;
    if (subject.is_ours()) usage.requests = own_count(*subject.member->ours);
    if (subject.ways) usage.bytes = static_cast<double>(bytes_through(*subject.ways));
    usage.cpu_s = std::chrono::duration<double>(cpu_of(subject.member->own_processes())).count();
    return usage;
}

Usage usage_after(const Subject& subject) {
    Usage usage;
    usage.cpu_s = std::chrono::duration<double>(cpu_of(subject.member->own_processes())).count();
    if (subject.ways) usage.bytes = static_cast<double>(bytes_through(*subject.ways));
    if (subject.is_ours()) usage.requests = own_count(*subject.member->ours);
    return usage;
}

// All subjects, and the servers that they need.
class Costs {
public:
    Costs(Report& report, const Options& options) : report_(report), wanted_(options.stores) {
        add_file();
        if (wants("kubernetes")) add_kubernetes();
        for (const auto& kind : servers::ensemble_kinds()) {
            if (wants(kind.name)) add_ensemble(kind);
        }
        start_standbys();
    }

    void measure();

private:
    bool wants(const std::string& store) const { return std::regex_search(store, std::regex(wanted_)); }

    // Starts one candidate of a pair; the subject says which.
    using Start = std::function<Member&(Group&, Subject&)>;
    void add_pair(const std::string& setting, const std::string& name, const Start& start);
    void add_file();
    void add_kubernetes();
    void add_kubernetes_pair(const std::string& name, const std::string& program);
    void add_ensemble(const servers::EnsembleKind& kind);
    void add_lock_tool(const std::string& store, Ensemble& ensemble);
    void start_standbys();
    void add(const Subject& subject, const char* quantity, const char* unit, double value,
             std::optional<double> at_most = {}, const std::string& remark = {});
    void report_memory(const Subject& subject, double client_go_mib);
    void report_usage(const Subject& subject, const Usage& used, std::size_t mark);

    Report& report_;
    const std::string wanted_;
    std::unique_ptr<KubeApi> api_;
    std::vector<std::unique_ptr<KubeUsers>> users_;
    std::vector<std::unique_ptr<Ensemble>> ensembles_;
    struct Pair {
        std::string setting;
        std::string name;
        Start start;
    };
    std::vector<Pair> pairs_;
    std::vector<std::unique_ptr<Subject>> subjects_;
    std::vector<std::unique_ptr<Group>> groups_;
};

void Costs::add_pair(const std::string& setting, const std::string& name, const Start& start) {
    pairs_.push_back({setting, name, start});
    groups_.push_back(std::make_unique<Group>());
    auto leader = std::make_unique<Subject>(Subject{.setting = setting, .name = name, .leads = true});
    leader->member = &start(*groups_.back(), *leader);
    subjects_.push_back(std::move(leader));
}

void Costs::add_file() {
    if (!wants("file")) return;
    add_pair("file", "leasehold", [](Group& group, Subject& subject) -> Member& {
        return group.start_leasehold(subject.leads ? "leader" : "standby", {.timing = kDefaults});
    });
}

void Costs::add_kubernetes() {
    if (!KubeApi::available()) return report_.skip(kSection, KubeApi::unavailable_message());
    api_ = std::make_unique<KubeApi>(KubeApi::Options{});
    add_kubernetes_pair("leasehold", "");
    if (const std::string program = one_file_program(); !program.empty()) {
        add_kubernetes_pair(kOneFile, program);
    } else {
        report_.skip(kSection, one_file_unavailable());
    }
    add_kubernetes_pair("client-go 15/10/2", "");
}

// Between the candidate and the API server nothing is changed: TLS ends in the two.
void Costs::add_kubernetes_pair(const std::string& name, const std::string& program) {
    users_.push_back(std::make_unique<KubeUsers>(*api_, fmt::format("cost{}", users_.size())));
    KubeUsers& users = *users_.back();
    const bool ours = name.rfind("leasehold", 0) == 0;
    add_pair("Kubernetes Lease, TLS", name, [this, &users, program, ours](Group& group, Subject& subject) -> Member& {
        const std::string member = subject.leads ? "leader" : "standby";
        subject.ways = std::make_unique<Relays>(std::vector<int>{api_->port()});
        const std::string kubeconfig = users.kubeconfig(member, (*subject.ways)[0].port());
        subject.audit = [this, user = users.user(member)](std::size_t mark) {
            Requests requests;
            for (const auto& one : servers::matching(api_->audit().since(mark), {.user = user})) {
                ++(one.verb == "watch" ? requests.watch : requests.other);
            }
            return requests;
        };
        if (ours) {
            return group.start_leasehold(
                member,
                {.timing = kDefaults, .program = program, .store = "kubernetes: {kubeconfig: " + kubeconfig + "}"});
        }
        servers::ClientGoOptions wanted;
        wanted.kubeconfig = kubeconfig;
        wanted.namespace_name = users.name_space();
        wanted.name = "test";
        wanted.lease_duration = "15s";
        wanted.renew_deadline = "10s";
        wanted.retry_period = "2s";
        return group.start_client_go(member, wanted);
    });
}

void Costs::add_ensemble(const servers::EnsembleKind& kind) {
    if (!kind.unavailable.empty()) return report_.skip(kSection, kind.unavailable);
    ensembles_.push_back(start_warm(kind));
    Ensemble& ensemble = *ensembles_.back();
    add_pair(kind.name, "leasehold", [&ensemble](Group& group, Subject& subject) -> Member& {
        subject.ways = std::make_unique<Relays>(ensemble.client_ports());
        return group.start_leasehold(subject.leads ? "leader" : "standby",
                                     {.timing = kDefaults, .store = ensemble.store_option(subject.ways->ports())});
    });
    add_lock_tool(kind.name, ensemble);
}

// What comes with the store's own command line program.
void Costs::add_lock_tool(const std::string& store, Ensemble& ensemble) {
    if (store == "consul") {
        add_pair(store, "consul lock", [&ensemble](Group& group, Subject& subject) -> Member& {
            subject.ways = std::make_unique<Relays>(ensemble.client_ports());
            return group.start_other(subject.leads ? "leader" : "standby",
                                     {servers::cache_folder("consul") + "/consul", "lock", "-shell=false",
                                      fmt::format("-http-addr=127.0.0.1:{}", (*subject.ways)[0].port()), "locks/test"});
        });
    }
    if (store == "etcd") {
        add_pair(store, "etcdctl lock", [&ensemble](Group& group, Subject& subject) -> Member& {
            subject.ways = std::make_unique<Relays>(ensemble.client_ports());
            std::string endpoints;
            for (const int port : subject.ways->ports()) {
                endpoints += fmt::format("{}127.0.0.1:{}", endpoints.empty() ? "" : ",", port);
            }
            return group.start_other(
                subject.leads ? "leader" : "standby",
                {"env", "ETCDCTL_API=3", "etcdctl", "--endpoints=" + endpoints, "lock", "--ttl=15", "test"});
        });
    }
}

// Once all leaders lead: a store that nobody prepared makes them wait for a lease duration.
void Costs::start_standbys() {
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        demand(groups_[i]->has_runs(1), pairs_[i].setting + ", " + pairs_[i].name + ": nobody leads");
    }
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        auto standby = std::make_unique<Subject>(Subject{.setting = pairs_[i].setting, .name = pairs_[i].name});
        standby->member = &pairs_[i].start(*groups_[i], *standby);
        subjects_.push_back(std::move(standby));
    }
}

void Costs::measure() {
    std::this_thread::sleep_for(kSettling);
    const std::size_t mark = api_ ? api_->audit().read().size() : 0;
    std::vector<Usage> before;
    for (const auto& subject : subjects_) before.push_back(usage_before(*subject));
    std::this_thread::sleep_for(kWindow);
    std::vector<Usage> after;
    for (const auto& subject : subjects_) after.push_back(usage_after(*subject));

    std::map<bool, double> client_go_mib;  // of the leader, and of the standby
    for (const auto& subject : subjects_) {
        if (!subject->member->client_go) continue;
        client_go_mib[subject->leads] = memory_of(subject->member->own_processes()).proportional_mib;
    }
    for (std::size_t i = 0; i < subjects_.size(); ++i) {
        const Usage used{.cpu_s = after[i].cpu_s - before[i].cpu_s,
                         .bytes = after[i].bytes - before[i].bytes,
                         .requests = after[i].requests - before[i].requests};
        report_memory(*subjects_[i], client_go_mib[subjects_[i]->leads]);
        report_usage(*subjects_[i], used, mark);
    }
    for (auto& group : groups_) demand(group->runs().size() == 1, "there was a change of leaders meanwhile");
}

void Costs::add(const Subject& subject, const char* quantity, const char* unit, double value,
                std::optional<double> at_most, const std::string& remark) {
    report_.add({.section = kSection,
                 .setting = subject.setting + (subject.leads ? ", leader" : ", standby"),
                 .subject = subject.name,
                 .quantity = quantity,
                 .unit = unit,
                 .samples = {value},
                 .at_most = subject.is_ours() ? at_most : std::nullopt,
                 .remark = remark});
}

void Costs::report_memory(const Subject& subject, double client_go_mib) {
    const Memory memory = memory_of(subject.member->own_processes());
    const bool has_goal = subject.audit != nullptr;  // Kubernetes
    add(subject, "private memory", "MiB", memory.private_mib,
        has_goal ? std::optional<double>(kPrivateGoalMib) : std::nullopt,
        fmt::format("of {} processes; beside others of the same program, whose code is theirs too",
                    subject.member->own_processes().size()));
    add(subject, "proportional set size", "MiB", memory.proportional_mib,
        has_goal && client_go_mib > 0 ? std::optional<double>(client_go_mib) : std::nullopt,
        "as if alone on its machine: libraries count in full");
}

void Costs::report_usage(const Subject& subject, const Usage& used, std::size_t mark) {
    const double hours = std::chrono::duration<double, std::ratio<3600>>(kWindow).count();
    add(subject, "CPU an hour", "s", used.cpu_s / hours);
    if (subject.ways) add(subject, "bytes an hour, both directions", "KiB", used.bytes / hours / 1024);
    const std::optional<double> goal = subject.leads ? std::nullopt : std::optional<double>(kStandbyGoal);
    if (subject.audit) {
        const Requests requests = subject.audit(mark);
        add(subject, "requests an hour", "", requests.other / hours, goal,
            subject.is_ours() ? fmt::format("by the API server's audit log, besides {} watch requests in a minute; by "
                                            "its own metrics {:.0f}",
                                            requests.watch, used.requests / hours)
                              : fmt::format("by the API server's audit log; {} watch requests", requests.watch));
    } else if (subject.is_ours()) {
        add(subject, "requests an hour", "", used.requests / hours, goal, "by its own metrics; besides its watch");
    }
}

}  // namespace

void measure_cost(Report& report, const Options& options) { Costs(report, options).measure(); }

}  // namespace leasehold::bench
