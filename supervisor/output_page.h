// SPDX-License-Identifier: Apache-2.0
//
// What the process that captures the workload's output lets the agent see of it, in memory that both have mapped:
// counters, and the last lines of the workload that has ended last. It outlives both, so a restart loses nothing.
//
// One writer at a time, any readers. Every word is a lock-free atomic and every line carries its number, so neither
// waits for the other, and a writer that dies in the middle spoils nothing but that line.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace leasehold::supervisor {

enum class OutputStream { output, errors };
inline constexpr std::array kOutputStreams{OutputStream::output, OutputStream::errors};

const char* name_of(OutputStream stream);  // "stdout", "stderr"

struct OutputCounts {
    std::uint64_t lines = 0;  // that the workload has written, the dropped ones too; a piece of a long one is one
    std::uint64_t bytes = 0;
    std::uint64_t dropped_lines = 0;

    friend bool operator==(const OutputCounts&, const OutputCounts&) = default;
};

class OutputPage {
public:
    static constexpr std::size_t kLongestKept = 496;  // bytes of a line

    // For so many last lines.
    static Result<std::unique_ptr<OutputPage>> create(int keep_last);
    // Maps one that was inherited; takes `fd`.
    static Result<std::unique_ptr<OutputPage>> open(int fd);
    ~OutputPage();
    OutputPage(const OutputPage&) = delete;
    OutputPage& operator=(const OutputPage&) = delete;

    int fd() const { return fd_.get(); }

    // For the writer.
    void count(OutputStream stream, const OutputCounts& more);
    void keep(std::string_view line);  // the beginning of it
    void workload_ended();             // the lines kept since the last time are its last

    // For the writer and the next one: whether the last thing that was written to our own stream may be less than a
    // line.
    void set_within_line(OutputStream target, bool within);
    bool within_line(OutputStream target) const;

    OutputCounts counts(OutputStream stream) const;
    std::vector<std::string> last_lines() const;  // of the workload that has ended last, in their order

private:
    struct Layout;
    struct Slot;
    static Result<std::unique_ptr<OutputPage>> map(UniqueFd fd, std::size_t size);
    OutputPage(UniqueFd fd, Layout* layout, std::size_t size) : fd_(std::move(fd)), layout_(layout), size_(size) {}
    Slot& running(std::uint64_t number) const;
    Slot& ended(std::uint64_t number) const;

    UniqueFd fd_;
    Layout* layout_;
    std::size_t size_;
};

}  // namespace leasehold::supervisor
