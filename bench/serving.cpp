// SPDX-License-Identifier: Apache-2.0
//
// /metrics of a leader that goes on renewing its lease five times a second; if it lost it, the section fails.
//
//   latency     from the first byte sent, or from connecting, to the last one received, 100 times a second, while 200
//               other connections of four addresses have sent half a request and nothing more. Physical limit: the same
//               with the smallest answer of the same server, /leader.
//   throughput  answers in a second on four connections, each with one request under way; and the processor time of
//               the agent for each (schedstat of its threads, renewals among it). Limit: as above.
//
// There is nobody to compare it with: client-go's election serves nothing by itself, consul lock and etcdctl lock
// neither.
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include "bench/http_load.h"
#include "bench/sections.h"
#include "tests/harness/board.h"
#include "tests/harness/candidate.h"

namespace leasehold::bench {
namespace {

using namespace std::chrono_literals;
using namespace leasehold::harness;

constexpr int kScrapesPerSecond = 100;
constexpr int kSeconds = 3;  // of each way
constexpr int kConnections = 4;
constexpr double kGoalMs = 5;  // for 99 of 100 scrapes
constexpr const char* kLatency = "a leader, 200 other connections that stall";
constexpr const char* kThroughput = "a leader, 4 connections";

struct Way {
    const char* name;
    const char* path;
    const char* header;
    bool kept;  // one connection for all requests, as Prometheus has it
};

double ms_since(std::chrono::nanoseconds begin) {
    return std::chrono::duration<double, std::milli>(monotonic_now() - begin).count();
}

// ---- latency --------------------------------------------------------------------------------------------------------

std::vector<double> latencies(const Way& way, int port, StalledClients& stalled, std::size_t& size) {
    const std::string request = get_request(way.path, way.header);
    std::vector<double> times;
    UniqueFd connection;
    const auto begin = monotonic_now();
    for (int i = 0; i < kSeconds * kScrapesPerSecond; ++i) {
        const auto due = begin + std::chrono::nanoseconds(1s) * i / kScrapesPerSecond;
        while (monotonic_now() < due) usleep(200);
        stalled.keep();
        const auto sent = monotonic_now();
        if (!connection || !way.kept) connection = connect_from(1, port);
        send_all(connection, request);
        size = read_answer(connection);
        times.push_back(ms_since(sent));
    }
    return times;
}

void measure_latency(Report& report, int port) {
    StalledClients stalled(port);
    std::size_t size = 0;
    const double kept = median(latencies({"", "/leader", "", true}, port, stalled, size));
    const double fresh = median(latencies({"", "/leader", "", false}, port, stalled, size));
    for (const Way& way : {Way{"/metrics, connection kept", "/metrics", "", true},
                           Way{"/metrics, connection kept, gzip", "/metrics", "Accept-Encoding: gzip\r\n", true},
                           Way{"/metrics, a connection each", "/metrics", "", false},
                           Way{"/metrics, a connection each, gzip", "/metrics", "Accept-Encoding: gzip\r\n", false}}) {
        const std::vector<double> times = latencies(way, port, stalled, size);
        const Limit limit{"/leader", way.kept ? kept : fresh};
        report.add({.section = "serving",
                    .setting = kLatency,
                    .subject = "leasehold",
                    .quantity = way.name,
                    .unit = "ms",
                    .samples = times,
                    .limit = limit,
                    .remark = fmt::format("{} bytes", size)});
        report.add({.section = "serving",
                    .setting = kLatency,
                    .subject = "leasehold",
                    .quantity = std::string(way.name) + ": 99 % are within",
                    .unit = "ms",
                    .samples = {quantile(times, 0.99)},
                    .at_most = kGoalMs});
    }
}

// ---- throughput -----------------------------------------------------------------------------------------------------

// Nanoseconds that the threads of a process have had a processor: proc(5), first number of schedstat.
double processor_time(pid_t process) {
    double sum = 0;
    for (const auto& thread : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process))) {
        sum += std::stod(read_file(thread.path() / "schedstat"));
    }
    return sum;
}

struct Flow {
    std::vector<double> per_second;
    std::vector<double> us_each;
};

Flow measure_flow(const std::string& request, int port, pid_t agent) {
    std::array<UniqueFd, kConnections> connections;
    std::array<pollfd, kConnections> states{};
    for (std::size_t i = 0; i < connections.size(); ++i) {
        connections[i] = connect_from(1, port);
        states[i] = {connections[i].get(), POLLIN, 0};
        send_all(connections[i], request);
    }
    Flow flow;
    for (int second = 0; second < kSeconds; ++second) {
        const double cpu = processor_time(agent);
        const auto begin = monotonic_now();
        int answers = 0;
        while (monotonic_now() - begin < 1s) {
            if (poll(states.data(), states.size(), 1000) <= 0) throw std::runtime_error("no answer within a second");
            for (std::size_t i = 0; i < connections.size(); ++i) {
                if (states[i].revents == 0) continue;
                read_answer(connections[i]);
                send_all(connections[i], request);
                ++answers;
            }
        }
        flow.per_second.push_back(answers / (ms_since(begin) / 1000));
        flow.us_each.push_back((processor_time(agent) - cpu) / 1000 / answers);
    }
    return flow;
}

void measure_throughput(Report& report, int port, pid_t agent) {
    const Flow least = measure_flow(get_request("/leader"), port, agent);
    for (const auto& [name, header] :
         {std::pair("/metrics", ""), std::pair("/metrics, gzip", "Accept-Encoding: gzip\r\n")}) {
        Flow flow = measure_flow(get_request("/metrics", header), port, agent);
        report.add({.section = "serving",
                    .setting = kThroughput,
                    .subject = "leasehold",
                    .quantity = std::string(name) + ": answers a second",
                    .unit = "/s",
                    .samples = std::move(flow.per_second),
                    .limit = Limit{"/leader", median(least.per_second)},
                    .remark = "more is better; one thread, which elects too"});
        report.add({.section = "serving",
                    .setting = kThroughput,
                    .subject = "leasehold",
                    .quantity = std::string(name) + ": processor time of the agent for each",
                    .unit = "us",
                    .samples = std::move(flow.us_each),
                    .limit = Limit{"/leader", median(least.us_each)}});
    }
}

}  // namespace

void measure_serving(Report& report, const Options& options) {
    static_cast<void>(options);
    const TempFolder folder;
    Candidate candidate({.folder = folder.path(),
                         .name = "only",
                         .command = {stamper_program(), folder.path("board")},
                         .timing = {"2s", "1s", "200ms"}});
    const Board board(folder.path("board"));
    if (!eventually([&] { return !board.runs().empty(); })) throw std::runtime_error("nobody leads");
    const int port = candidate.http_port();
    measure_latency(report, port);
    measure_throughput(report, port, candidate.role("leasehold-agent"));
    const std::size_t terms = board.runs().size();
    candidate.process().signal(SIGTERM);
    candidate.process().wait();
    if (terms != 1) throw std::runtime_error(fmt::format("the leader had {} terms meanwhile", terms));
}

}  // namespace leasehold::bench
