// SPDX-License-Identifier: Apache-2.0
#include "supervisor/command_line.h"

#include <algorithm>
#include <cstring>

namespace leasehold::supervisor {
namespace {

// What follows the program's name: the kernel has put the arguments one behind the other.
char* begin = nullptr;
char* end = nullptr;

}  // namespace

void remember_command_line(int argc, char** argv) {
    if (argc < 2) return;
    begin = argv[1];
    end = argv[argc - 1] + std::strlen(argv[argc - 1]);
}

void show_command_line_as(const char* role) {
    if (begin == nullptr || end <= begin) return;
    const auto room = static_cast<std::size_t>(end - begin);  // the zero behind it stays
    const std::size_t size = std::min(room, std::strlen(role));
    std::memcpy(begin, role, size);
    std::memset(begin + size, 0, room - size);
}

}  // namespace leasehold::supervisor
