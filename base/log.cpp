// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <ctime>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

namespace leasehold::log {
namespace {

struct State {
    Options options;
    std::string process = "leasehold";
    UniqueFd own;            // standard error opened anew, non-blocking
    bool is_socket = false;  // a socket cannot be opened anew, but takes MSG_DONTWAIT
    std::atomic<std::uint64_t> dropped{0};
    std::atomic<std::uint64_t> unreported{0};
};

State& state() {
    static State instance;
    return instance;
}

// Opening /proc/self/fd/2 gives a file description of our own, whose O_NONBLOCK does not touch the one that the
// workload shares with us (proc(5)). It is refused for sockets, where /proc is missing, and to a user who does not own
// the pipe (after a change of user). A regular file never makes anyone wait, and its offset has to be shared: otherwise
// we and the workload would overwrite each other.
void open_standard_error(State& s) {
    struct stat info {};
    if (fstat(STDERR_FILENO, &info) != 0) return;
    s.is_socket = S_ISSOCK(info.st_mode);
    if (s.is_socket) return;
    if (S_ISREG(info.st_mode)) {
        s.own.reset(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    } else {
        s.own.reset(open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    }
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

std::string timestamp() {
    using namespace std::chrono;
    const auto now = wall_now();
    const std::time_t seconds = system_clock::to_time_t(now);
    const auto ms = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                       utc.tm_hour, utc.tm_min, utc.tm_sec, ms);
}

// One line, whatever the text holds: in JSON as string contents (RFC 8259, section 7), as text with the same escapes
// for control characters. Bytes above 0x7f are passed on as they are.
std::string escaped(std::string_view text, Format format) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '"':
            case '\\':
                if (format == Format::json) out += '\\';
                out += c;
                break;
            case '\n': out += "\\n"; break;
            case '\t': out += "\\t"; break;
            case '\r': out += "\\r"; break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += fmt::format("\\u{:04x}", static_cast<int>(c));
                } else {
                    out += c;
                }
        }
    }
    return out;
}

std::string formatted(const State& s, Level level, std::string_view line) {
    if (s.options.format == Format::json) {
        return fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",\"process\":\"{}\",\"message\":\"{}\"}}\n", timestamp(),
                           name_of(level), s.process, escaped(line, Format::json));
    }
    return fmt::format("{} {:5} {}: {}\n", timestamp(), name_of(level), s.process, escaped(line, Format::text));
}

// The last resort, on the shared description: a pipe that is ready takes PIPE_BUF bytes without waiting (pipe(7)).
ssize_t write_if_ready(std::string_view text) {
    pollfd ready{STDERR_FILENO, POLLOUT, 0};
    if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return 0;
    return ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
}

bool put(const State& s, std::string_view text) {
    ssize_t written = -1;
    do {
        if (s.is_socket) {
            written = send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        } else {
            written = s.own ? ::write(s.own.get(), text.data(), text.size()) : write_if_ready(text);
        }
    } while (written < 0 && errno == EINTR);
    return written == static_cast<ssize_t>(text.size());
}

}  // namespace

void init(const Options& options, std::string process) {
    State& s = state();
    s.options = options;
    s.process = std::move(process);
    open_standard_error(s);
}

bool enabled(Level level) { return level >= state().options.level; }

void write(Level level, std::string_view line) {
    State& s = state();
    if (!s.own && !s.is_socket) open_standard_error(s);
    if (const std::uint64_t missing = s.unreported.exchange(0); missing > 0) {
        const std::string note = fmt::format("{} log lines were dropped because standard error was full", missing);
        if (!put(s, formatted(s, Level::warn, note))) s.unreported += missing;
    }
    if (put(s, formatted(s, level, line))) return;
    ++s.dropped;
    ++s.unreported;
}

std::uint64_t dropped() { return state().dropped; }

}  // namespace leasehold::log
