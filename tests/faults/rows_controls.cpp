// SPDX-License-Identifier: Apache-2.0
//
// The suite itself is tested: a build of leasehold that enforces no deadline (tests/faults/unsafe_enforcement.cpp) must
// be caught by the same means.
#include <csignal>

#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

Row unsafe(const std::string& fault, std::vector<Part> parts, std::vector<std::string> variants) {
    return {.subject = "negative controls: a build without deadlines",
            .fault = fault,
            .expected = "an overlap is found",
            .play =
                [parts = std::move(parts)](Trial& trial) {
                    for (const Part part : parts) trial.signal(part, SIGSTOP);
                    trial.expect_successor();
                },
            .variants = std::move(variants),
            .setup = {.unsafe = true},
            .containments = {},
            .negative_control = true};
}

}  // namespace

std::vector<Row> rows_of_negative_controls() {
    using enum Part;
    return {unsafe("agent: SIGSTOP", {agent}, all_variants()),
            unsafe("all three, not the workload: SIGSTOP", {guardian, supervisor, agent}, few_variants())};
}

}  // namespace leasehold::faults
