// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <atomic>
#include <optional>

#include <unistd.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/log_repeats.h"
#include "base/shared_stream.h"
#include "base/timestamp.h"

namespace leasehold::log {
namespace {

struct State {
    ~State();

    Options options;
    std::string process = "leasehold";
    SharedStream target;
    std::atomic<std::uint64_t> dropped{0};
    std::atomic<std::uint64_t> unreported{0};
    std::atomic_flag busy = ATOMIC_FLAG_INIT;  // whoever uses the next one; nobody waits for it
    Repeats repeats;
};

State& state() {
    static State instance;
    return instance;
}

const char* name_of(Level level) {
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::warn: return "warn";
        case Level::error: return "error";
    }
    return "info";
}

// One line, whatever the text holds, and nothing that a terminal obeys: no control characters, those from U+0080 on
// among them. Other bytes above 0x7f are passed on as they are.
std::string escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
        if (c == '\xc2' && next >= 0x80 && next < 0xa0) {
            out += fmt::format("\\u{:04x}", static_cast<int>(next));
            ++i;
            continue;
        }
        switch (c) {
            case '\n': out += "\\n"; break;
            case '\t': out += "\\t"; break;
            case '\r': out += "\\r"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
                    out += fmt::format("\\u{:04x}", static_cast<int>(c));
                } else {
                    out += c;
                }
        }
    }
    return out;
}

std::string in_json(std::string_view text) {
    std::string out;
    append_json_text(out, text);
    return out;
}

std::string formatted(const State& s, Level level, std::string_view line) {
    const std::string time = timestamp(wall_now());
    if (s.options.format == Format::json) {
        return fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",\"process\":\"{}\",\"message\":\"{}\"}}\n", time,
                           name_of(level), s.process, in_json(line));
    }
    return fmt::format("{} {:5} {}: {}\n", time, name_of(level), s.process, escaped(line));
}

bool put(const State& s, Level level, std::string_view line) {
    const std::string text = formatted(s, level, line);
    return s.target.write(text) == static_cast<ssize_t>(text.size());
}

void write_all(State& s, Level level, std::string_view line) {
    if (!s.target) s.target = SharedStream(STDERR_FILENO);
    if (const std::uint64_t missing = s.unreported.exchange(0); missing > 0) {
        const std::string note = fmt::format("{} log lines were dropped because standard error was full", missing);
        if (!put(s, Level::warn, note)) s.unreported += missing;
    }
    if (put(s, level, line)) return;
    ++s.dropped;
    ++s.unreported;
}

std::string times(std::uint64_t count) { return count == 1 ? "once" : fmt::format("{} times", count); }

void write_repeated(State& s, const std::vector<Repeats::Line>& lines) {
    for (const Repeats::Line& line : lines) {
        write_all(s, static_cast<Level>(line.kind), fmt::format("{} (repeated {})", line.text, times(line.untold)));
    }
}

State::~State() {
    if (!busy.test_and_set()) write_repeated(*this, repeats.settle_all());
}

}  // namespace

void init(const Options& options, std::string process) {
    State& s = state();
    s.options = options;
    s.process = std::move(process);
    s.repeats = {};  // what another process told, which this one comes from
    s.target = SharedStream(STDERR_FILENO);
}

bool enabled(Level level) { return level >= state().options.level; }

// Below warn lines tell of what has changed, and the second time is as much news as the first. Of two threads at once
// one does without the memory of what was told.
void write(Level level, std::string_view line) {
    State& s = state();
    if (level < Level::warn || s.busy.test_and_set(std::memory_order_acquire)) return write_all(s, level, line);
    const Duration at = now().boot;
    const auto untold = s.repeats.take(at, static_cast<int>(level), line);
    const auto others = s.repeats.settle(at);
    s.busy.clear(std::memory_order_release);
    write_repeated(s, others);
    if (!untold) return;
    if (*untold == 0) return write_all(s, level, line);
    write_all(s, level, fmt::format("{} (and {} before this)", line, times(*untold)));
}

void listing(Level level, std::string_view text) {
    if (!enabled(level)) return;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        write_all(state(), level, fmt::format("| {}", text.substr(0, end)));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

std::uint64_t dropped() { return state().dropped; }

}  // namespace leasehold::log
