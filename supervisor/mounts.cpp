// SPDX-License-Identifier: Apache-2.0
#include "supervisor/mounts.h"

#include <fstream>
#include <sstream>

namespace leasehold::supervisor {
namespace {

bool is_octal(char digit) { return digit >= '0' && digit <= '7'; }

// Blanks, tabs, line ends and backslashes are written as \ooo.
std::string unescaped(const std::string& text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 3 < text.size() && is_octal(text[at + 1]) && is_octal(text[at + 2]) &&
            is_octal(text[at + 3])) {
            plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
            at += 3;
        } else {
            plain += text[at];
        }
    }
    return plain;
}

}  // namespace

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
    std::vector<Mount> mounts;
    std::istringstream lines{std::string(mountinfo)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string id, parent, device, word, source;
        Mount mount;
        words >> id >> parent >> device >> mount.root >> mount.point >> mount.options;
        while (words >> word && word != "-") {
        }
        if (!(words >> mount.type >> source >> mount.super_options)) continue;
        mount.root = unescaped(mount.root);
        mount.point = unescaped(mount.point);
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

std::string read_text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

std::vector<Mount> own_mounts() { return parse_mounts(read_text("/proc/self/mountinfo")); }

}  // namespace leasehold::supervisor
