// SPDX-License-Identifier: Apache-2.0
//
// The program's own log: lines on standard error, as text or as JSON, from every process of the program.
//
// A log line must never cost a deadline, so writing never blocks: when nobody drains standard error, lines are dropped
// and counted, and the next line that gets through says how many. The workload's own use of standard error is not
// affected (base/shared_stream.h). A warning or an error that comes again is told once in ten seconds, with how
// often it came (base/log_repeats.h).
//
// Threads: any, after init(). Before init() lines of level info and above go out as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace leasehold::log {

enum class Level { debug, info, warn, error };
enum class Format { text, json };

struct Options {
    Level level = Level::info;
    Format format = Format::text;

    friend bool operator==(const Options&, const Options&) = default;
};

// Sets level, format and the name of this process that every line carries ("guardian", "supervisor", "agent").
void init(const Options& options, std::string process);

bool enabled(Level level);
void write(Level level, std::string_view line);

// Text of several lines, to be copied from the log: each on a line of its own after "| ". None of them is left out for
// being there already.
void listing(Level level, std::string_view text);

// How many lines could not be written since the start of this process.
std::uint64_t dropped();

template <class... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(Level::debug)) write(Level::debug, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(Level::info)) write(Level::info, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(Level::warn)) write(Level::warn, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(Level::error)) write(Level::error, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace leasehold::log
