// SPDX-License-Identifier: Apache-2.0
//
// The test workload: stamps the board every half millisecond until it is told to stop.
//
//   stamper BOARD [--ignore-term] [--exit-after MS CODE]
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include <unistd.h>

#include "tests/harness/board.h"

namespace {

volatile std::sig_atomic_t told_to_stop = 0;

void on_signal(int) { told_to_stop = 1; }

}  // namespace

int main(int argc, char** argv) {
    using namespace leasehold::harness;
    if (argc < 2) return 2;
    Board board(argv[1]);
    std::chrono::nanoseconds end = std::chrono::nanoseconds::max();
    int status = 0;
    bool ignore_term = false;
    for (int i = 2; i < argc; ++i) {
        const std::string option = argv[i];
        if (option == "--ignore-term") ignore_term = true;
        if (option == "--exit-after" && i + 2 < argc) {
            end = monotonic_now() + std::chrono::milliseconds(std::atoi(argv[i + 1]));
            status = std::atoi(argv[i + 2]);
        }
    }
    std::signal(SIGTERM, ignore_term ? SIG_IGN : on_signal);

    Slot& slot = board.claim();
    const char* identity = std::getenv("LEASEHOLD_IDENTITY");
    const char* token = std::getenv("LEASEHOLD_FENCING_TOKEN");
    std::strncpy(slot.identity.data(), identity != nullptr ? identity : "", slot.identity.size() - 1);
    slot.token = token != nullptr ? std::strtoull(token, nullptr, 10) : 0;
    slot.pid = getpid();
    slot.last_ns = monotonic_now().count();
    slot.first_ns = slot.last_ns.load();
    while (told_to_stop == 0 && monotonic_now() < end) {
        slot.last_ns = monotonic_now().count();
        const timespec half_millisecond{0, 500'000};
        nanosleep(&half_millisecond, nullptr);
    }
    slot.last_ns = monotonic_now().count();
    return status;
}
