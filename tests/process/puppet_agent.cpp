// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <iostream>
#include <sstream>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/launch.h"
#include "supervisor/messages.h"
#include "supervisor/shared_page.h"
#include "tests/process/roles.h"

namespace leasehold::process_test {
namespace {

using namespace supervisor;

const char* name_of(TermMachine::Phase phase) {
    switch (phase) {
        case TermMachine::Phase::idle: return "idle";
        case TermMachine::Phase::preparing: return "preparing";
        case TermMachine::Phase::running: return "running";
        case TermMachine::Phase::stopping: return "stopping";
        case TermMachine::Phase::killing: return "killing";
        case TermMachine::Phase::finishing: return "finishing";
        case TermMachine::Phase::pausing: return "pausing";
        case TermMachine::Phase::holding: return "holding";
    }
    return "?";
}

const char* name_of(StopMode mode) { return mode == StopMode::orderly ? "orderly" : "kill"; }

struct Wording {
    std::ostringstream& out;

    void operator()(const HelloMessage& m) {
        out << "HELLO " << name_of(m.phase) << " term=" << m.grant.term << " closed=" << m.closed_through
            << " pid=" << m.pid << (m.paused ? " paused" : "");
    }
    void operator()(const StartedMessage& m) { out << "STARTED " << m.term << " pid=" << m.pid; }
    void operator()(const ExitedMessage& m) {
        out << "EXITED " << m.term << " status=" << m.exit_status << (m.by_signal ? " signal" : "");
    }
    void operator()(const StoppingMessage& m) { out << "STOPPING " << m.term; }
    void operator()(const KilledMessage& m) { out << "KILLED " << m.term; }
    void operator()(const EmptyMessage& m) {
        out << "EMPTY " << m.term << (m.had_tree ? " tree" : " nothing")
            << (m.lease_left > Duration(0) ? " in-time" : " past-hard");
    }
    void operator()(const ProbedMessage& m) {
        out << "HEALTH " << m.term << (m.outcome.kind == ExecOutcome::Kind::passed ? " passed" : " failed");
    }
    void operator()(const HookMessage& m) {
        out << "HOOK " << m.term << " " << supervisor::name_of(m.hook)
            << (m.outcome.kind == HookOutcome::Kind::began    ? " began"
                : m.outcome.kind == HookOutcome::Kind::passed ? " passed"
                                                              : " failed");
    }
    void operator()(const PongMessage& m) { out << "PONG " << m.number; }
    void operator()(const ResistsMessage& m) { out << "RESISTS " << m.term; }
    void operator()(const StopMessage& m) { out << "STOP " << name_of(m.mode); }
    void operator()(const SupervisorGoneMessage&) { out << "GONE"; }
    void operator()(const TreeEmptiedMessage& m) { out << "EMPTIED " << m.closed_through; }
    template <class Other>
    void operator()(const Other&) {
        out << "UNEXPECTED";
    }
};

class PuppetAgent {
public:
    PuppetAgent(const AgentLaunch& launch, int strings)
        : guardian_(UniqueFd(launch.guardian_fd)), page_(*SharedPage::open(launch.page_fd)), strings_(strings) {
        std::ostringstream out;
        out << "agent " << launch.agent_number << " pid=" << getpid() << " term=" << page_->grant().term
            << " closed=" << page_->closed_through() << (page_->populated() ? " populated" : " empty");
        say(out.str());
    }

    int run() {
        while (!status_) {
            pollfd sources[] = {{strings_, POLLIN, 0}, {guardian_.fd(), POLLIN, 0}, {supervisor_.fd(), POLLIN, 0}};
            if (poll(sources, 3, 100) < 0) return 99;
            page_->beat();
            if (sources[0].revents != 0) obey();
            if (sources[1].revents != 0) hear("guardian", guardian_);
            if (sources[2].revents != 0) hear("supervisor", supervisor_);
        }
        return *status_;
    }

private:
    void say(const std::string& line) const {
        const std::string text = line + "\n";
        if (::send(strings_, text.data(), text.size(), MSG_NOSIGNAL) < 0) _exit(98);
    }

    void hear(const char* from, Channel& channel) {
        auto received = channel.receive();
        if (received && !*received) return;
        if (!received) {
            channel.close();
            return say(std::string(from) + " closed");
        }
        if (std::holds_alternative<NewPeerMessage>((*received)->message)) {
            supervisor_ = Channel(std::move((*received)->fd));
            return;
        }
        std::ostringstream out;
        out << from << " ";
        std::visit(Wording{out}, (*received)->message);
        say(out.str());
    }

    void obey() {
        char buffer[4096];
        const ssize_t size = read(strings_, buffer, sizeof buffer);
        if (size <= 0) {  // the test is over
            status_ = 97;
            return;
        }
        std::istringstream lines(std::string(buffer, static_cast<std::size_t>(size)));
        for (std::string line; std::getline(lines, line);) obey_line(line);
    }

    void obey_line(const std::string& line) {
        std::istringstream words(line);
        std::string verb, mode;
        std::uint64_t number = 0;
        words >> verb >> number;
        if (verb == "grant") {
            std::int64_t soft = 0, hard = 0;
            words >> soft >> hard;
            const Instant at = now();
            const TermGrant grant{number, 1000 + number, 10 + number, at + std::chrono::milliseconds(soft),
                                  at + std::chrono::milliseconds(hard)};
            page_->publish(grant);
            tell(supervisor_, GrantMessage{grant});
        } else if (verb == "prepare") {
            tell(supervisor_, PrepareMessage{number});
        } else if (verb == "revoke") {
            words >> mode;
            tell(supervisor_, RevokeMessage{number, mode == "kill" ? StopMode::kill : StopMode::orderly});
        } else if (verb == "ping") {
            tell(supervisor_, PingMessage{number});
        } else if (verb == "flood") {  // pings without ever reading the answers, from here on
            for (std::uint64_t i = 0; i < number; ++i) tell(supervisor_, PingMessage{i});
        } else if (verb == "silent") {
            tell(guardian_, SupervisorSilentMessage{});
        } else if (verb == "give-up") {
            tell(guardian_, GiveUpMessage{static_cast<int>(number)});
        } else if (verb == "exit") {
            status_ = static_cast<int>(number);
        } else {
            say("what is " + verb + "?");
        }
    }

    static void tell(const Channel& channel, const Message& message) { (void)channel.send(message); }

    Channel guardian_;
    Channel supervisor_;
    std::unique_ptr<SharedPage> page_;
    int strings_;
    std::optional<int> status_;
};

int connect_to(const char* path) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string(path).copy(address.sun_path, sizeof address.sun_path - 1);
    return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
}

}  // namespace

int puppet_agent_main(const std::vector<std::string>& arguments) {
    prctl(PR_SET_NAME, "leasehold-agent");
    auto launch = parse_agent_arguments(arguments);
    const char* const path = std::getenv(kStringsVariable);
    const int strings = path == nullptr ? -1 : connect_to(path);
    if (!launch || strings < 0) {
        std::cerr << "the puppet agent has no strings\n";
        return 96;
    }
    return PuppetAgent(*launch, strings).run();
}

}  // namespace leasehold::process_test
