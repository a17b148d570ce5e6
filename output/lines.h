// SPDX-License-Identifier: Apache-2.0
//
// Cuts what a program writes into lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace leasehold::output {

class LineSplitter {
public:
    // A longer line comes in pieces, so that it takes no more memory than this; not cut within a character of UTF-8.
    static constexpr std::size_t kLongestLine = 64 * 1024;

    // Without the newline. `goes_on`: another piece of the same line follows.
    using Take = std::function<void(std::string_view line, bool goes_on)>;

    explicit LineSplitter(Take take) : take_(std::move(take)) {}

    void feed(std::string_view bytes);

    // Nothing follows what was fed last: if it has no newline, it is a line all the same.
    void finish();

private:
    void add(std::string_view bytes);

    Take take_;
    std::string begun_;  // the beginning of a line
};

}  // namespace leasehold::output
