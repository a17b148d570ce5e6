// SPDX-License-Identifier: Apache-2.0
//
// Measures how long /metrics of a leader takes while it is scraped 50 times a second and 200 other connections, of four
// addresses, have sent half a request and nothing more:
//
//   bench_scrape [seconds]
//
// Counted is from the first byte sent (or from connecting) to the last one received. Stalled connections that the
// server has ended are made anew, so that there are 200 at every scrape.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/board.h"
#include "tests/harness/candidate.h"

namespace {

using namespace leasehold::harness;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr int kStalled = 200;
constexpr int kScrapesPerSecond = 50;
constexpr double kGoalMs = 5;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

sockaddr_in loopback(unsigned last_byte, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(0x7f000000U + last_byte);
    return address;
}

int connect_from(unsigned last_byte, int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    const sockaddr_in from = loopback(last_byte, 0);
    const sockaddr_in to = loopback(1, port);
    const int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) fail("TCP_NODELAY");
    if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) fail("bind");
    if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
    return fd;
}

void send_all(int fd, const std::string& text) {
    if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) fail("send");
}

// Those who stall, from 127.0.0.2 to 127.0.0.5.
class Stalled {
public:
    explicit Stalled(int port) : port_(port) { keep(); }
    ~Stalled() {
        for (const int fd : fds_) close(fd);
    }
    Stalled(const Stalled&) = delete;
    Stalled& operator=(const Stalled&) = delete;

    // Makes those anew that the server has ended.
    void keep() {
        for (std::size_t i = 0; i < fds_.size(); ++i) {
            std::array<char, 256> bytes{};
            const ssize_t got = fds_[i] < 0 ? 0 : recv(fds_[i], bytes.data(), bytes.size(), MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) continue;
            if (fds_[i] >= 0) close(fds_[i]);
            fds_[i] = connect_from(2 + static_cast<unsigned>(i) % 4, port_);
            send_all(fds_[i], "GET /metrics HTTP/1.1\r\nHost: te");
            ++made_;
        }
    }
    int made() const { return made_; }

private:
    int port_;
    std::vector<int> fds_ = std::vector<int>(kStalled, -1);
    int made_ = 0;
};

std::size_t read_answer(int fd) {
    std::string answer;
    std::array<char, 65536> buffer{};
    std::size_t whole = 0;
    while (whole == 0 || answer.size() < whole) {
        const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) fail("recv");
        answer.append(buffer.data(), static_cast<std::size_t>(got));
        const std::size_t end = answer.find("\r\n\r\n");
        const std::size_t length = answer.find("Content-Length: ");
        if (whole != 0 || end == std::string::npos || length == std::string::npos) continue;
        whole = end + 4 + static_cast<std::size_t>(std::atol(answer.c_str() + length + 16));
    }
    if (!answer.starts_with("HTTP/1.1 200 ")) fail("the answer is no 200");
    return whole;
}

struct Way {
    const char* name;
    const char* header;
    bool kept;  // one connection for all scrapes, as Prometheus has it
};

bool measure(const Way& way, int port, int seconds, Stalled& stalled) {
    const std::string request = fmt::format("GET /metrics HTTP/1.1\r\nHost: test\r\n{}\r\n", way.header);
    std::vector<double> times;
    std::size_t size = 0;
    int kept = -1;
    const auto begin = monotonic_now();
    for (int i = 0; i < seconds * kScrapesPerSecond; ++i) {
        const auto due = begin + std::chrono::milliseconds(1000) * i / kScrapesPerSecond;
        while (monotonic_now() < due) usleep(200);
        stalled.keep();
        const auto sent = monotonic_now();
        if (kept < 0) kept = connect_from(1, port);
        send_all(kept, request);
        size = read_answer(kept);
        times.push_back(Milliseconds(monotonic_now() - sent).count());
        if (!way.kept) close(std::exchange(kept, -1));
    }
    if (kept >= 0) close(kept);
    std::sort(times.begin(), times.end());
    const double ninety_nine = times[times.size() * 99 / 100];
    fmt::print("{:<36} median {:6.2f}  99 % {:6.2f}  max {:6.2f} ms, {} bytes\n", way.name, times[times.size() / 2],
               ninety_nine, times.back(), size);
    return ninety_nine < kGoalMs;
}

}  // namespace

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 10;
    const TempFolder folder;
    Candidate candidate({.folder = folder.path(),
                         .name = "only",
                         .command = {stamper_program(), folder.path("board")},
                         .timing = {"2s", "1s", "200ms"}});
    const Board board(folder.path("board"));
    if (!eventually([&] { return !board.runs().empty(); })) fail("nobody leads");
    const int port = candidate.http_port();
    bool good = true;
    {
        Stalled stalled(port);
        for (const Way& way :
             {Way{"a connection that is kept", "", true}, Way{"the same, gzip", "Accept-Encoding: gzip\r\n", true},
              Way{"a connection for each", "", false}, Way{"the same, gzip", "Accept-Encoding: gzip\r\n", false}}) {
            good = measure(way, port, seconds, stalled) && good;
        }
        fmt::print("{} stalled connections at a time, {} in all\n", kStalled, stalled.made());
    }
    const std::size_t runs = board.runs().size();
    fmt::print("terms of the leader meanwhile: {}; goal: 99 % within {} ms\n", runs, kGoalMs);
    candidate.process().signal(SIGTERM);
    candidate.process().wait();
    return good && runs == 1 ? 0 : 1;
}
