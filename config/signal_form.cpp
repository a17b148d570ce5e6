// SPDX-License-Identifier: Apache-2.0
//
// Names of signals. Which there are is asked of the C library, so that the list is right on every architecture.
#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>

#include <fmt/core.h>
#include <fmt/ranges.h>

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
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

// A stopped process neither ends nor can it, so these would only make everyone wait for the kill.
bool only_suspends(int number) {
    return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

Result<int> checked(int number) {
    const bool exists = number >= 1 && number <= SIGRTMAX && (number < kFirstRealTime || number >= SIGRTMIN);
    if (!exists) {
        return failure(
            fmt::format("is not the number of a signal; write a name such as TERM, or a number from 1 to {} "
                        "or from {} to {}",
                        kFirstRealTime - 1, SIGRTMIN, SIGRTMAX));
    }
    if (only_suspends(number)) return failure("suspends a program and does not end it; choose one such as TERM or INT");
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

Result<int> read_signal(const std::string& text) {
    if (const auto number = number_in(text)) return checked(*number);
    const std::string name = text.starts_with("SIG") ? text.substr(3) : text;
    for (const Signal& signal : named_signals()) {
        if (signal.name == name) return checked(signal.number);
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

std::string write_signal(const int& number) {
    if (number >= SIGRTMIN) {
        return number == SIGRTMIN ? "RTMIN" : fmt::format("RTMIN+{}", number - SIGRTMIN);
    }
    const char* name = sigabbrev_np(number);
    return name != nullptr ? name : std::to_string(number);
}

}  // namespace

Form<int> stop_signal_form() {
    std::vector<std::string> names;
    for (const Signal& signal : named_signals()) {
        if (!only_suspends(signal.number)) names.push_back(signal.name);
    }
    const Json schema = {
        {"type", {"string", "integer"}},
        {"pattern", fmt::format("^((SIG)?({}|RTMIN(\\+[0-9]+)?)|[1-9][0-9]*)$|\\$\\{{", fmt::join(names, "|"))},
        {"minimum", 1},
        {"maximum", SIGRTMAX}};
    return {read_signal, write_signal, schema, true};
}

}  // namespace leasehold::config
