// SPDX-License-Identifier: Apache-2.0
//
// Names of signals. Which there are is asked of the C library, so that the list is right on every architecture.
#include <csignal>
#include <cstring>
#include <functional>
#include <optional>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "base/whole_number.h"
#include "config/forms.h"
#include "config/nearest.h"

namespace leasehold::config {
namespace {

struct Signal {
    std::string name;  // without SIG
    int number;
};

constexpr int kFirstRealTime = 32;  // signal(7); the C library keeps the first ones for itself

std::vector<Signal> named_signals() {
    std::vector<Signal> signals;
    for (int number = 1; number < kFirstRealTime; ++number) {
        if (const char* name = sigabbrev_np(number)) signals.push_back({name, number});
    }
    return signals;
}

std::optional<int> number_in(const std::string& text) {
    if (text.size() > 1 && text.front() == '0') return std::nullopt;  // 015 is 13 to some
    const auto number = whole_number<int>(text);
    return number && *number >= 0 ? number : std::nullopt;
}

// A stopped process neither ends nor can it, so these would only make everyone wait for the kill.
bool only_suspends(int number) {
    return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

Result<int> existing(int number) {
    const bool exists = number >= 1 && number <= SIGRTMAX && (number < kFirstRealTime || number >= SIGRTMIN);
    if (!exists) {
        return failure(
            fmt::format("is not the number of a signal; write a name such as TERM, or a number from 1 to {} "
                        "or from {} to {}",
                        kFirstRealTime - 1, SIGRTMIN, SIGRTMAX));
    }
    return number;
}

Result<int> unknown_name(const std::string& name) {
    std::vector<std::string> names = {"RTMIN"};
    for (const Signal& signal : named_signals()) {
        if (!only_suspends(signal.number)) names.push_back(signal.name);
    }
    if (const std::string meant = nearest(name, names); !meant.empty()) {
        return failure(fmt::format("is not a signal; did you mean {}?", meant));
    }
    return failure("is not a signal; write a name such as TERM, INT, QUIT or RTMIN+3, or a number");
}

Result<int> read_any_signal(const std::string& text) {
    if (const auto number = number_in(text)) return existing(*number);
    const std::string name = text.starts_with("SIG") ? text.substr(3) : text;
    for (const Signal& signal : named_signals()) {
        if (signal.name == name) return existing(signal.number);
    }
    if (name == "RTMIN") return SIGRTMIN;
    if (name.starts_with("RTMIN+")) {
        const int most = SIGRTMAX - SIGRTMIN;
        const auto offset = number_in(name.substr(6));
        if (offset && *offset <= most) return SIGRTMIN + *offset;
        return failure(fmt::format("is not a signal; the last of its kind is RTMIN+{}", most));
    }
    return unknown_name(name);
}

Result<int> read_signal(const std::string& text) {
    const auto number = read_any_signal(text);
    if (number && only_suspends(*number)) {
        return failure("suspends a program and does not end it; choose one such as TERM or INT");
    }
    return number;
}

bool ends_leasehold(int number) { return number == SIGTERM || number == SIGINT; }

// Those that leasehold never hands on, or only as they are: signal_rules.h of the supervisor says why.
bool never_rewritten(int number) {
    for (const int other :
         {SIGKILL, SIGCHLD, SIGPIPE, SIGCONT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) {
        if (number == other) return true;
    }
    return only_suspends(number);
}

Result<int> read_received(const std::string& text) {
    const auto number = read_any_signal(text);
    if (!number) return number;
    if (ends_leasehold(*number)) {
        return failure("ends leasehold and cannot be rewritten; workload.stop.signal says what the workload gets then");
    }
    if (never_rewritten(*number)) return failure("is not handed on to the workload, or only as it is; remove it");
    return number;
}

constexpr const char* kNone = "none";
constexpr const char* kSignal = "signal";  // the kind

Result<int> read_handed_on(const std::string& text) {
    if (text == kNone) return 0;
    for (const char* word : {"None", "NONE", "no", "null", "~", "off", "false", "0"}) {
        if (text == word) return failure("is not a signal; write none to drop it");
    }
    return read_signal(text);
}

std::string write_signal(const int& number) {
    if (number >= SIGRTMIN) {
        return number == SIGRTMIN ? "RTMIN" : fmt::format("RTMIN+{}", number - SIGRTMIN);
    }
    const char* name = sigabbrev_np(number);
    return name != nullptr ? name : std::to_string(number);
}

std::string pattern_of(const std::function<bool(int)>& fits, const std::string& more = "") {
    std::vector<std::string> names;
    for (const Signal& signal : named_signals()) {
        if (fits(signal.number)) names.push_back(signal.name);
    }
    return fmt::format("^((SIG)?({}|RTMIN(\\+[0-9]+)?)|[1-9][0-9]*{})$", fmt::join(names, "|"), more);
}

// As a value, in which variables are expanded, and which YAML may take for a number.
Schema schema_of_signals(bool (*fits)(int), const std::string& more = "") {
    return [fits, more] { return number_matching(pattern_of(fits, more), 1, SIGRTMAX)(); };
}

bool can_end(int number) { return !only_suspends(number); }

}  // namespace

Form<int> stop_signal_form() { return {read_signal, write_signal, schema_of_signals(can_end), true, kSignal}; }

Form<int> received_signal_form() {
    // The name of a key is text, in which no variable is expanded.
    const auto fits = [](int number) { return !ends_leasehold(number) && !never_rewritten(number); };
    return {read_received, write_signal,
            [fits]() -> Json {
                return {{"type", "string"}, {"pattern", pattern_of(fits)}};
            },
            true, kSignal};
}

Form<int> handed_on_signal_form() {
    const auto write = [](const int& number) { return number == 0 ? std::string(kNone) : write_signal(number); };
    return {read_handed_on, write, schema_of_signals(can_end, std::string("|") + kNone), true, "signal|none"};
}

}  // namespace leasehold::config
