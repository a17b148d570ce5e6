// SPDX-License-Identifier: Apache-2.0
//
// The configuration's YAML.  0: a file;  1: VALUE\nFILE, where ${VALUE} is that text, whatever is in it;  2: the
// variables of workload.env_file.
#include <algorithm>

#include "app/workload_process.h"
#include "config/config.h"
#include "config/text.h"
#include "election/core/timing.h"
#include "fuzz.h"

namespace leasehold::fuzz {
namespace {

config::LoadSettings settings_with(std::string value) {
    const auto environment = [value = std::move(value)](const std::string& name) -> std::optional<std::string> {
        return name == "VALUE" ? std::optional<std::string>(value) : std::nullopt;
    };
    return {environment, false};
}

void check_problems(const config::Loaded& loaded, std::string_view text) {
    const auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
    for (const config::Problem& problem : loaded.problems) {
        require(!problem.message.empty(), "a problem says what is wrong");
        require(problem.line >= 0 && problem.line <= lines, "a problem stands in the file");
        require(problem.line == 0 || problem.column > 0, "a problem that has a line has a column");
        require(is_line(problem.text("file.yaml")), "a problem is one printable line");
    }
}

void check_accepted(const config::Options& options) {
    require(!options.election.name.empty(), "an accepted file names the lock");
    require(election::check(options.election.timing).empty(), "the timing of an accepted file can hold");
    const std::string printed = config::to_yaml(options, false);
    const config::Loaded again = config::load_text(printed, settings_with("of somebody else"));
    require(again.problems.empty(), "what `leasehold config` prints is accepted");
    require(again.options == options, "what `leasehold config` prints means the same");
    require(config::to_yaml(again.options, false) == printed, "what is printed twice is the same");
    require(!config::to_yaml(options, true).empty(), "secrets can be masked");
}

void check_file(std::string_view text, const std::string& value) {
    const config::Loaded loaded = config::load_text(text, settings_with(value));
    check_problems(loaded, text);
    if (loaded.problems.empty()) check_accepted(loaded.options);
}

void check_variables(const std::string& text) {
    const auto variables = app::variables_in(text);
    if (!variables) return require(is_line(variables.error().message), "an error is one printable line");
    std::string again;
    for (const auto& [name, value] : *variables) {
        require(!name.empty() && name.find_first_of(std::string_view("=\0", 2)) == std::string::npos,
                "a variable's name is one");
        require(value.find_first_of(std::string_view("\n\0", 2)) == std::string::npos, "a variable's value is one");
        again += name + '=' + value + "\r\n";
    }
    require(app::variables_in(again) == *variables, "variables that are written out again are the same");
}

}  // namespace
}  // namespace leasehold::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace leasehold::fuzz;
    auto [kind, text] = input_of(data, size, 3);
    if (kind == 2) {
        check_variables(std::string(text));
    } else {
        const std::string value(kind == 1 ? take_until(text, '\n') : "a value");
        check_file(text, value);
    }
    return 0;
}
