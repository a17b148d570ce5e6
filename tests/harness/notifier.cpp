// SPDX-License-Identifier: Apache-2.0
//
// A workload that says something of itself: see tests/harness/notices.h.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "tests/harness/notices.h"

int main(int count, char** arguments) {
    const char* const socket = std::getenv("NOTIFY_SOCKET");
    if (socket == nullptr) return 3;
    int at = 1;
    const bool for_ever = count > 1 && std::strcmp(arguments[1], "--for-ever") == 0;
    if (for_ever) ++at;
    for (; at < count && std::strcmp(arguments[at], "--") != 0; ++at) {
        int problem = 0;
        do {
            problem = leasehold::harness::send_notice(socket, arguments[at]);
        } while (for_ever);
        if (problem != 0) std::fprintf(stderr, "notifier: %s\n", std::strerror(problem));
    }
    if (at + 1 >= count) return 0;
    execvp(arguments[at + 1], arguments + at + 1);
    return 127;
}
