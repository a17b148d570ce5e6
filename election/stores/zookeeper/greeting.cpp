// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/greeting.h"

#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/duration_text.h"
#include "base/fd.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::zookeeper {
namespace {

constexpr std::size_t kLongestAnswer = 4096;
constexpr char kTlsAlert = 0x15;  // the type of the first record of whoever expected TLS

struct Addresses {
    std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> first{nullptr, &freeaddrinfo};
    std::string problem;
};

Addresses look_up(const std::string& server) {
    const std::size_t colon = server.rfind(':');
    std::string host = server.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int code = getaddrinfo(host.c_str(), server.substr(colon + 1).c_str(), &hints, &list);
    Addresses found;
    found.first.reset(list);
    if (code != 0) found.problem = code == EAI_SYSTEM ? std::generic_category().message(errno) : gai_strerror(code);
    return found;
}

std::string numeric(const addrinfo& address) {
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (getnameinfo(address.ai_addr, address.ai_addrlen, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return "";
    }
    return fmt::format("{}:{}", host, port);
}

class Patience {
public:
    explicit Patience(Duration limit) : limit_(limit), begin_(now()) {}

    Duration left() const { return limit_ - elapsed_at_most(begin_, now()); }

    // Whether one of `events` came in time.
    bool wait(const UniqueFd& fd, short events) const {
        while (true) {
            const Duration rest = left();
            if (rest <= Duration::zero()) return false;
            pollfd entry{fd.get(), events, 0};
            const auto ms = std::chrono::ceil<std::chrono::milliseconds>(rest).count();
            const int ready = poll(&entry, 1, static_cast<int>(ms));
            if (ready > 0) return true;
            if (ready < 0 && errno != EINTR) return false;
        }
    }

private:
    const Duration limit_;
    const Instant begin_;
};

// 0, an errno, or ETIMEDOUT when the patience ends.
int connect_to(const addrinfo& address, UniqueFd& fd, const Patience& patience) {
    fd.reset(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return errno;
    if (connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    if (!patience.wait(fd, POLLOUT)) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// Nothing when no answer came to its end in time. A server that closes without a word may have its reasons.
std::optional<std::string> ask(const UniqueFd& fd, const Patience& patience) {
    if (!patience.wait(fd, POLLOUT)) return std::nullopt;
    if (send(fd.get(), "srvr", 4, MSG_NOSIGNAL) != 4) return "";
    std::string answer;
    char buffer[1024];
    while (answer.size() < kLongestAnswer) {
        if (!patience.wait(fd, POLLIN)) return std::nullopt;
        const ssize_t size = recv(fd.get(), buffer, sizeof buffer, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        answer.append(buffer, static_cast<std::size_t>(size));
    }
    return answer;
}

// What is wrong with one address of a server. `nobody_there`: there was no answer that could be wrong.
Problem try_address(const std::string& server, const addrinfo& address, Duration limit, bool one_of_several,
                    bool& nobody_there) {
    const Patience patience(limit);
    UniqueFd fd;
    const int error = connect_to(address, fd, patience);
    nobody_there = error != 0;
    if (error != 0) {
        return {error == ETIMEDOUT ? "timeout" : "connect",
                fmt::format("{} cannot be reached: {}", server, std::generic_category().message(error))};
    }
    const auto answer = ask(fd, patience);
    if (answer) return judge(server, *answer, one_of_several);
    nobody_there = true;
    return {"timeout", fmt::format("{} did not answer within {}", server, to_text(limit))};
}

}  // namespace

Problem judge(const std::string& server, const std::string& answer, bool one_of_several) {
    const auto says = [&](const char* what) { return answer.find(what) != std::string::npos; };
    if (says("not currently serving requests")) {
        return {"unavailable", server + " is not serving requests: it has no quorum with the other servers"};
    }
    if (says("Mode: read-only")) {
        return {"unavailable", server + " only lets read: it has no quorum with the other servers"};
    }
    if (one_of_several && says("Mode: standalone")) {
        return {"another_cluster",
                server +
                    " runs alone (standalone), not as one of the servers in election.store.zookeeper.servers, and is "
                    "not believed: its zoo.cfg lacks the server.N lines; if it is meant to be alone, name only it"};
    }
    if (answer.empty() || says("Mode: ") || says("whitelist")) return {};
    if (answer.front() == kTlsAlert) {
        return {"not_zookeeper",
                server + " wants TLS, which Debian's ZooKeeper client does not have: use its clientPort"};
    }
    return {"not_zookeeper",
            fmt::format("what answers at {} is no ZooKeeper: '{}'; its clientPort is wanted", server, shown(answer))};
}

Greeting greet(const std::string& server, Duration limit, bool one_of_several) {
    const Addresses addresses = look_up(server);
    if (!addresses.problem.empty()) {
        return {"", {"resolve", fmt::format("the address of {} cannot be found: {}", server, addresses.problem)}};
    }
    int others = 0;
    for (const addrinfo* address = addresses.first.get(); address != nullptr; address = address->ai_next) ++others;
    const Patience patience(limit);
    Greeting greeting;
    for (const addrinfo* address = addresses.first.get(); address != nullptr; address = address->ai_next) {
        bool nobody_there = false;
        Problem problem = try_address(server, *address, patience.left() / others--, one_of_several, nobody_there);
        if (problem.label.empty()) return {numeric(*address), {}};
        // Who is there and wrong is what people want to know.
        if (greeting.problem.label.empty() || !nobody_there) greeting.problem = std::move(problem);
    }
    return greeting;
}

}  // namespace leasehold::stores::zookeeper
