// SPDX-License-Identifier: Apache-2.0
#include "config/output_keys.h"

#include "config/key_makers.h"

namespace leasehold::config {
namespace {

using supervisor::OutputFormat;
using supervisor::OutputOptions;
using supervisor::OutputOverflow;

// Twice the longest line that is not cut, at least.
constexpr int kLeastBuffer = 128 << 10;
constexpr int kMostBuffer = 1 << 30;
constexpr int kMostKept = 1000;

Key format() {
    const auto formats = choice_form<OutputFormat>(
        {{"inherit", OutputFormat::inherit}, {"text", OutputFormat::text}, {"json", OutputFormat::json}});
    return scalar_key(
        "workload.output.format",
        "What becomes of what the workload writes: inherit, nothing; or it is captured, and written as lines of text, "
        "or as JSON objects.",
        formats, [](auto& o) -> auto& { return o.workload.output.format; });
}

Key overflow() {
    const auto ways = choice_form<OutputOverflow>({{"block", OutputOverflow::block}, {"drop", OutputOverflow::drop}});
    return scalar_key(
        "workload.output.overflow",
        "When nobody takes the captured lines: the workload waits (block), or lines are dropped and counted (drop).",
        ways, [](auto& o) -> auto& { return o.workload.output.overflow; });
}

}  // namespace

std::vector<Key> output_keys() {
    Key prefix = scalar_key(
        "workload.output.prefix", "What stands before each captured line, in the format text.", prefix_form(),
        [](auto& o) -> auto& { return o.workload.output.prefix; });
    prefix.example = "\"billing: \"";
    return key_list(
        format(), prefix, overflow(),
        scalar_key(
            "workload.output.buffer", "How much waits to be taken before lines are dropped (overflow: drop).",
            size_form(kLeastBuffer, kMostBuffer), [](auto& o) -> auto& { return o.workload.output.buffer; }),
        scalar_key(
            "workload.output.keep_last", "So many of the last captured lines are shown when the workload has ended.",
            integer_form(0, kMostKept), [](auto& o) -> auto& { return o.workload.output.keep_last; }));
}

std::vector<RuleProblem> check(const OutputOptions& output) {
    const std::string path = "workload.output.";
    if (!output.captured() && output != OutputOptions{}) {
        return {{path + "format",
                 "is inherit, so that nothing is captured and the other keys mean nothing; write text "
                 "or json, or remove them"}};
    }
    if (output.format == OutputFormat::json && !output.prefix.empty()) {
        return {{path + "prefix", "is for the format text; remove it, or write format: text"}};
    }
    return {};
}

}  // namespace leasehold::config
