// SPDX-License-Identifier: Apache-2.0
#include "config/restart_keys.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/duration_text.h"
#include "config/key_makers.h"

namespace leasehold::config {
namespace {

constexpr int kHighestExitCode = 255;
constexpr int kMostRestarts = 1'000'000;
// Less would be a program that starts processes, or candidates that pass the lease on, as fast as they can.
constexpr Duration kLeastPause = std::chrono::milliseconds(10);
constexpr Duration kLeastCooldown = std::chrono::seconds(1);

Key policy() {
    using supervisor::RestartWhen;
    const auto policies = choice_form<RestartWhen>(
        {{"never", RestartWhen::never}, {"on-failure", RestartWhen::on_failure}, {"always", RestartWhen::always}});
    return scalar_key(
        "workload.restart.policy", "When a workload that has ended by itself is started again, within the term.",
        policies, [](auto& o) -> auto& { return o.workload.restart.policy; });
}

// Without it the policy decides.
Key then() {
    using supervisor::AfterTheLast;
    using Then = std::optional<AfterTheLast>;
    const auto ends = choice_form<Then>({{"auto", std::nullopt},
                                         {"resign", AfterTheLast::resign},
                                         {"exit", AfterTheLast::exit},
                                         {"hold", AfterTheLast::hold}});
    return scalar_key(
        "workload.restart.then",
        "What follows when it is not started again: another candidate leads, leasehold ends with its status, or the "
        "lease is held without it; auto: exit with the policy never, resign with the others.",
        ends, [](auto& o) -> auto& { return o.workload.restart.then; });
}

Key success_exit_codes() {
    Key key = list_key(
        "workload.restart.success_exit_codes", "Statuses that are no failure; 128 + n is the signal n.",
        integer_form(0, kHighestExitCode), [](auto& o) -> auto& { return o.workload.restart.success_exit_codes; });
    key.example = "[0, 143]";
    return key;
}

// Of `give_up_after` starts again: the pauses between them, each shortened as far as chance can.
Duration shortest_time_of(const supervisor::RestartOptions& restart) {
    Duration sum{};
    Duration pause = restart.initial_backoff;
    for (int i = 0; i < restart.give_up_after && sum < restart.within; ++i) {
        sum += pause * 8 / 10;
        pause = std::min(pause * 2, restart.max_backoff);
    }
    return sum;
}

}  // namespace

std::vector<Key> restart_keys() {
    const std::string path = "workload.restart.";
    return key_list(
        policy(), success_exit_codes(),
        scalar_key(
            path + "initial_backoff", "The pause before the first start again; it doubles from one to the next.",
            duration_form_of(kLeastPause), [](auto& o) -> auto& { return o.workload.restart.initial_backoff; }),
        scalar_key(
            path + "max_backoff", "The longest pause.", duration_form_of(kLeastPause),
            [](auto& o) -> auto& { return o.workload.restart.max_backoff; }),
        scalar_key(
            path + "reset_after", "A run that lasted so long makes those before it forgotten.",
            positive_duration_form(), [](auto& o) -> auto& { return o.workload.restart.reset_after; }),
        scalar_key(
            path + "give_up_after", "So many starts again within the time of the next key; 0: no end.",
            integer_form(0, kMostRestarts), [](auto& o) -> auto& { return o.workload.restart.give_up_after; }),
        scalar_key(
            path + "within", "The time in which they are counted.", positive_duration_form(),
            [](auto& o) -> auto& { return o.workload.restart.within; }),
        then(),
        scalar_key(
            path + "cooldown", "How long this candidate does not contend after it has resigned.",
            duration_form_of(kLeastCooldown), [](auto& o) -> auto& { return o.workload.restart.cooldown; }));
}

std::vector<RuleProblem> check(const supervisor::RestartOptions& restart) {
    const std::string path = "workload.restart.";
    if (restart.initial_backoff > restart.max_backoff) {
        return {{path + "initial_backoff", "is " + to_text(restart.initial_backoff) + ", longer than max_backoff, " +
                                               to_text(restart.max_backoff) +
                                               "; the pauses grow from the one to the other"}};
    }
    if (restart.policy == supervisor::RestartWhen::never || restart.give_up_after == 0) return {};
    const Duration least = shortest_time_of(restart);
    if (least < restart.within) return {};
    return {{path + "within",
             fmt::format("is over before {} starts again can have happened, whose pauses alone take {}; write more, or "
                         "lower give_up_after",
                         restart.give_up_after, to_rounded_text(least))}};
}

}  // namespace leasehold::config
