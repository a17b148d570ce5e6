// SPDX-License-Identifier: Apache-2.0
#include "output/lines.h"

namespace leasehold::output {
namespace {

// How much of this may be cut off as a piece: all, or all but the beginning of a character at its end.
std::size_t whole_characters(std::string_view text) {
    const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    for (std::size_t back = 1; back <= 3 && back < text.size(); ++back) {
        const unsigned char last = byte(text.size() - back);
        if (last < 0x80) break;
        if (last < 0xc0) continue;  // within a character
        const std::size_t length = last >= 0xf0 ? 4 : last >= 0xe0 ? 3 : 2;
        return length > back ? text.size() - back : text.size();
    }
    return text.size();
}

}  // namespace

void LineSplitter::feed(std::string_view bytes) {
    for (std::size_t end = 0; (end = bytes.find('\n')) != std::string_view::npos; bytes.remove_prefix(end + 1)) {
        const std::string_view line = bytes.substr(0, end);
        if (begun_.empty() && line.size() <= kLongestLine) {
            take_(line, false);
            continue;
        }
        add(line);
        take_(begun_, false);
        begun_.clear();
    }
    add(bytes);
}

void LineSplitter::add(std::string_view bytes) {
    while (begun_.size() + bytes.size() > kLongestLine) {
        const std::size_t room = kLongestLine - begun_.size();
        begun_.append(bytes.substr(0, room));
        bytes.remove_prefix(room);
        const std::size_t cut = whole_characters(begun_);
        take_(std::string_view(begun_).substr(0, cut), true);
        begun_.erase(0, cut);
    }
    begun_.append(bytes);
}

void LineSplitter::finish() {
    if (begun_.empty()) return;
    take_(begun_, false);
    begun_.clear();
}

}  // namespace leasehold::output
