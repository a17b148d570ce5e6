// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "app/help/completion.h"

namespace leasehold::app::help {
namespace {

// {0}: the program; {1}: one `complete` for each thing.
constexpr const char* kFishScript = R"(# Completion of {0} for fish, made by: {0} completion fish

# Whether the command is the given one, or none yet.
function __{0}_command
    set -l words (commandline -opc)
    test "$words[2]" = "$argv[1]"
end

# Whether a program with its arguments is what comes now.
function __{0}_behind_dashes
    contains -- -- (commandline -opc)
end

# What could come if the words behind -- were all.
function __{0}_program
    set -l words (commandline -opc)
    set -l dashes (contains --index -- -- $words)
    set -l program $words[(math $dashes + 1)..-1] (commandline -ct)
    complete -C (string join -- ' ' (string escape -- $program[1..-2]) $program[-1])
end

complete -c {0} -f
{1})";

// In single quotes fish takes \\ and \' for one character.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\\' || c == '\'') out += '\\';
        out += c;
    }
    return out + '\'';
}

class Lines {
public:
    explicit Lines(std::string program) : program_(std::move(program)) {}

    void add(const std::string& command, const std::string& what, const std::string& help = "") {
        const std::string condition =
            fmt::format("__{0}_command {1}; and not __{0}_behind_dashes", program_, quoted(command));
        text_ += fmt::format("complete -c {} -n {} {}", program_, quoted(condition), what);
        if (!help.empty()) text_ += " -d " + quoted(help);
        text_ += '\n';
    }

    void add_program(const std::string& command) {
        const std::string condition =
            fmt::format("__{0}_command {1}; and __{0}_behind_dashes", program_, quoted(command));
        text_ += fmt::format("complete -c {0} -n {1} -a '(__{0}_program)'\n", program_, quoted(condition));
    }

    const std::string& text() const { return text_; }

private:
    std::string program_;
    std::string text_;
};

std::string fish_spelling(const Parameter& option) {
    std::string out;
    for (const std::string& name : option.names) {
        if (!out.empty()) out += ' ';
        out += name.starts_with("--") ? "-l " + name.substr(2) : "-s " + name.substr(1);
    }
    return out;
}

std::string fish_option(const Parameter& option) {
    if (option.value.empty()) return fish_spelling(option);
    if (option.takes_file()) return fish_spelling(option) + " -r -F";
    if (option.choices.empty()) return fish_spelling(option) + " -x";
    return fmt::format("{} -x -a {}", fish_spelling(option), quoted(fmt::format("{}", fmt::join(option.choices, " "))));
}

void add_command(Lines& lines, const Command& command, const std::string& name) {
    for (const Command& below : command.commands) lines.add(name, "-a " + below.name, below.help);
    for (const Parameter& option : command.options) lines.add(name, fish_option(option), option.help);
    for (const Parameter& argument : command.arguments) {
        if (argument.takes_program()) lines.add_program(name);
        for (const std::string& choice : argument.choices) lines.add(name, "-a " + quoted(choice));
    }
}

}  // namespace

std::string fish_completion(const Command& program) {
    Lines lines(program.name);
    add_command(lines, program, "");
    for (const Command& command : program.commands) add_command(lines, command, command.name);
    return fmt::format(kFishScript, program.name, lines.text());
}

}  // namespace leasehold::app::help
