// SPDX-License-Identifier: Apache-2.0
//
// The test workload: stamps the board every half millisecond until it is told to stop.
//
//   stamper BOARD [OPTION...]
//     --ignore-term           of every process
//     --exit-after MS CODE    of the first process
//     --stop-after MS         the first process stops itself (SIGSTOP)
//     --clear-environment     executes itself anew with an empty one
//     --processes N           so many in the process group
//     --setsid                one more, in a session of its own
//     --daemon                one more, forked twice, in a session of its own; the first one stays in the foreground
//     --below-subreaper       one more, forked twice below a process that is a subreaper too
//     --forking               one more, which hands its slot to a child every few milliseconds and ends, without end
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <sys/prctl.h>
#include <unistd.h>

#include "tests/harness/board.h"

namespace {

using namespace leasehold::harness;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kRemarkablePause{20};
constexpr milliseconds kGeneration{5};
constexpr nanoseconds kNever = nanoseconds::max();

volatile std::sig_atomic_t told_to_stop = 0;

void on_signal(int) { told_to_stop = 1; }

struct Wanted {
    std::string identity;
    std::uint64_t token = 0;
    std::uint64_t tree = 0;
    nanoseconds end = kNever;
    nanoseconds stop = kNever;
    int status = 0;
    bool ignore_term = false;
    bool clear_environment = false;
    bool setsid = false;
    bool daemon = false;
    bool below_subreaper = false;
    bool forking = false;
    int processes = 1;
};

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

void take_from_environment(Wanted& wanted) {
    wanted.identity = variable("LEASEHOLD_IDENTITY");
    wanted.token = std::strtoull(variable("LEASEHOLD_FENCING_TOKEN").c_str(), nullptr, 10);
    wanted.tree = std::hash<std::string>()(variable("LEASEHOLD_TERM_ID"));
}

Wanted parse(const std::vector<std::string>& options) {
    Wanted wanted;
    take_from_environment(wanted);
    for (std::size_t i = 0; i < options.size(); ++i) {
        const std::string& option = options[i];
        const auto number = [&] {
            return i + 1 < options.size() ? std::strtoull(options[++i].c_str(), nullptr, 10) : 0;
        };
        if (option == "--ignore-term") wanted.ignore_term = true;
        if (option == "--clear-environment") wanted.clear_environment = true;
        if (option == "--setsid") wanted.setsid = true;
        if (option == "--daemon") wanted.daemon = true;
        if (option == "--below-subreaper") wanted.below_subreaper = true;
        if (option == "--forking") wanted.forking = true;
        if (option == "--processes") wanted.processes = static_cast<int>(number());
        if (option == "--stop-after") wanted.stop = monotonic_now() + milliseconds(number());
        if (option == "--exit-after") {
            wanted.end = monotonic_now() + milliseconds(number());
            wanted.status = static_cast<int>(number());
        }
        if (option == "--as" && i + 3 < options.size()) {  // what the environment said, before it was cleared
            wanted.clear_environment = false;
            wanted.identity = options[++i];
            wanted.token = number();
            wanted.tree = number();
        }
    }
    return wanted;
}

// Only returns when it cannot be done.
void execute_with_empty_environment(char** argv, const Wanted& wanted) {
    const std::string token = std::to_string(wanted.token);
    const std::string tree = std::to_string(wanted.tree);
    std::vector<char*> again;
    for (char** argument = argv; *argument != nullptr; ++argument) again.push_back(*argument);
    for (const char* text : {"--as", wanted.identity.c_str(), token.c_str(), tree.c_str()}) {
        again.push_back(const_cast<char*>(text));
    }
    again.push_back(nullptr);
    char* nothing = nullptr;
    execve("/proc/self/exe", again.data(), &nothing);
}

class Stamper {
public:
    Stamper(const std::string& path, Wanted wanted) : board_(path), wanted_(std::move(wanted)) {}

    int run() {
        for (int i = 1; i < wanted_.processes; ++i) {
            if (fork() == 0) _exit(stamp());
        }
        if (wanted_.setsid && fork() == 0) {
            setsid();
            _exit(stamp());
        }
        if (wanted_.below_subreaper && fork() == 0) {
            prctl(PR_SET_CHILD_SUBREAPER, 1);
            setsid();
            detach();
            _exit(stamp());
        }
        if (wanted_.daemon) detach();
        if (wanted_.forking && fork() == 0) relay();
        return stamp(wanted_.end, wanted_.stop);
    }

private:
    // As daemon(3) does it, but for the first process, which stays.
    void detach() {
        if (fork() != 0) return;
        setsid();
        if (fork() != 0) _exit(0);
        _exit(stamp());
    }

    [[noreturn]] void relay() {
        Slot& slot = claim();
        while (told_to_stop == 0) {
            stamp_until(slot, monotonic_now() + kGeneration);
            const pid_t child = fork();
            if (child > 0) _exit(0);
            if (child == 0) board_.live_in(slot);
        }
        _exit(0);
    }

    int stamp(nanoseconds end = kNever, nanoseconds stop = kNever) {
        Slot& slot = claim();
        stamp_until(slot, std::min(end, stop));
        if (told_to_stop == 0 && stop < end) {
            raise(SIGSTOP);
            stamp_until(slot, end);
        }
        return wanted_.status;
    }

    Slot& claim() {
        Slot& slot = board_.claim();
        std::strncpy(slot.identity.data(), wanted_.identity.c_str(), slot.identity.size() - 1);
        slot.token = wanted_.token;
        slot.pid = getpid();
        board_.live_in(slot);
        slot.tree = wanted_.tree;
        slot.met = board_.other_tree_alive(wanted_.tree);
        slot.last_ns = monotonic_now().count();
        slot.first_ns = slot.last_ns.load();
        return slot;
    }

    static void stamp_until(Slot& slot, nanoseconds end) {
        for (;;) {
            const nanoseconds now = monotonic_now();
            const nanoseconds last(slot.last_ns);
            if (now - last >
                std::max<nanoseconds>(kRemarkablePause, nanoseconds(slot.pause_to_ns - slot.pause_from_ns))) {
                slot.pause_from_ns = last.count();
                slot.pause_to_ns = now.count();
            }
            slot.last_ns = now.count();
            if (told_to_stop != 0 || now >= end) return;
            const timespec half_millisecond{0, 500'000};
            nanosleep(&half_millisecond, nullptr);
        }
    }

    Board board_;
    Wanted wanted_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const Wanted wanted = parse({argv + 2, argv + argc});
    if (wanted.clear_environment) {
        execute_with_empty_environment(argv, wanted);
        return 126;
    }
    std::signal(SIGTERM, wanted.ignore_term ? SIG_IGN : on_signal);
    return Stamper(argv[1], wanted).run();
}
