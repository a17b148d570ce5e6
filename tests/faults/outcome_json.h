// SPDX-License-Identifier: Apache-2.0
//
// An outcome as JSON: between the process of a trial and the runner, and as a line of the suite's report.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/faults/trial.h"

namespace leasehold::faults {

inline nlohmann::json to_json(const std::optional<double>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
}

inline nlohmann::json to_json(const Outcome& outcome) {
    return {{"variant", outcome.variant},
            {"skipped", outcome.skipped},
            {"problem", outcome.problem},
            {"overlap_ms", outcome.overlap_ms},
            {"nobody_ran_ms", to_json(outcome.nobody_ran_ms)},
            {"thawed_ms", to_json(outcome.thawed_ms)},
            {"other_ms", to_json(outcome.other_ms)},
            {"alive_together", outcome.alive_together},
            {"log", outcome.log}};
}

inline std::optional<Outcome> outcome_from_json(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const auto number = [&](const char* key) -> std::optional<double> {
        return json[key].is_number() ? std::optional(json[key].get<double>()) : std::nullopt;
    };
    Outcome outcome;
    outcome.variant = json["variant"];
    outcome.skipped = json["skipped"];
    outcome.problem = json["problem"];
    outcome.overlap_ms = json["overlap_ms"];
    outcome.nobody_ran_ms = number("nobody_ran_ms");
    outcome.thawed_ms = number("thawed_ms");
    outcome.other_ms = number("other_ms");
    outcome.alive_together = json["alive_together"];
    outcome.log = json["log"];
    return outcome;
}

}  // namespace leasehold::faults
