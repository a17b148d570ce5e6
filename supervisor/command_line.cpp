// SPDX-License-Identifier: Apache-2.0
#include "supervisor/command_line.h"

#include <algorithm>
#include <cstring>

namespace leasehold::supervisor {
namespace {

// What follows the program's name: the kernel has put the arguments one behind the other.
char* first_word = nullptr;
char* last_word_end = nullptr;

}  // namespace

void remember_command_line(int argc, char** argv) {
    if (argc < 2) return;
    first_word = argv[1];
    last_word_end = argv[argc - 1] + std::strlen(argv[argc - 1]);
}

void show_command_line_as(const char* role) {
    if (first_word == nullptr || last_word_end <= first_word) return;
    const auto room = static_cast<std::size_t>(last_word_end - first_word);  // the zero behind it stays
    const std::size_t size = std::min(room, std::strlen(role));
    std::memcpy(first_word, role, size);
    std::memset(first_word + size, 0, room - size);
}

}  // namespace leasehold::supervisor
