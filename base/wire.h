// SPDX-License-Identifier: Apache-2.0
//
// Values as bytes and back, between two processes of the same program: numbers as eight bytes in native order, texts
// with their length in front. The reader never reads past the end: after the first thing that does not fit, failed()
// stays true and everything read is zero or empty.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace leasehold {

class WireWriter {
public:
    void number(std::uint64_t value) {
        char raw[sizeof value];
        std::memcpy(raw, &value, sizeof value);
        bytes_.append(raw, sizeof raw);
    }
    void signed_number(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
    void text(std::string_view value) {
        number(value.size());
        bytes_.append(value);
    }
    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

class WireReader {
public:
    explicit WireReader(std::string_view bytes) : left_(bytes) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        if (const std::string_view raw = take(sizeof value); !raw.empty())
            std::memcpy(&value, raw.data(), sizeof value);
        return value;
    }
    std::int64_t signed_number() { return static_cast<std::int64_t>(number()); }
    std::string text() { return std::string(take(number())); }

    // A number of elements that follow, each of at least eight bytes.
    std::uint64_t count() {
        const std::uint64_t value = number();
        if (value <= left_.size() / sizeof value) return value;
        failed_ = true;
        return 0;
    }

    bool failed() const { return failed_; }
    bool at_end() const { return left_.empty(); }

private:
    std::string_view take(std::uint64_t size) {
        if (failed_ || size > left_.size()) {
            failed_ = true;
            return {};
        }
        const std::string_view taken = left_.substr(0, size);
        left_.remove_prefix(size);
        return taken;
    }

    std::string_view left_;
    bool failed_ = false;
};

}  // namespace leasehold
