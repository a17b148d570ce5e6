// SPDX-License-Identifier: Apache-2.0
//
// By _arguments and _describe, which zshcompsys(1) explains. `commands` is a table of zsh's own, not to be shadowed.
#include <string_view>

#include <fmt/format.h>

#include "app/help/completion.h"

namespace leasehold::app::help {
namespace {

// {0}: the program; {1}: its options; {2}: commands; {3}: branches for commands.
constexpr const char* kZshScript = R"(#compdef {0}
# Completion of {0} for zsh, made by: {0} completion zsh

_{0}() {{
    local curcontext=$curcontext state
    local -a line all
    local -A opt_args
    _arguments -C \
{1}        ': :->command' \
        '*:: :->arguments' && return

    case $state in
        command)
            all=(
{2}            )
            _describe -t commands command all
            ;;
        arguments)
            case $words[1] in
{3}            esac
            ;;
    esac
}}

# Executed by the shell's completion, or read by `source`.
if [[ $funcstack[1] == _{0} ]]; then _{0} "$@"; else compdef _{0} {0}; fi
)";

std::string with_backslashes(const std::string& text, std::string_view before) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || before.find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

std::string zsh_action_for(const Parameter& parameter) {
    if (parameter.takes_file()) return "_files";
    if (parameter.takes_program()) return "_normal";
    if (parameter.choices.empty()) return " ";
    return fmt::format("({})", fmt::join(parameter.choices, " "));
}

std::string message_for(const Parameter& parameter) {
    return with_backslashes(parameter.choices.empty() ? parameter.value : "word", ":");
}

// One for each spelling; each excludes the others, and a flag that prints something and ends excludes everything.
std::string specs_for(const Parameter& option, const std::string& indent) {
    std::string specs;
    for (const std::string& name : option.names) {
        const bool ends = option.names.back() == "--help" || option.names.back() == "--version";
        const std::string excluded = ends ? "- : *" : fmt::format("{}", fmt::join(option.names, " "));
        std::string spec = fmt::format("({}){}", excluded, name);
        if (!option.value.empty() && name.starts_with("--")) spec += '=';
        spec += fmt::format("[{}]", with_backslashes(option.help, "[]"));
        if (!option.value.empty()) spec += fmt::format(":{}:{}", message_for(option), zsh_action_for(option));
        specs += fmt::format("{}{} \\\n", indent, in_quotes(spec));
    }
    return specs;
}

std::string branch_for(const Command& command) {
    const std::string indent(24, ' ');
    std::string specs;
    for (const Parameter& option : command.options) specs += specs_for(option, indent);
    for (const Parameter& argument : command.arguments) {
        const char* const place = argument.takes_program() ? "*::" : "";
        specs +=
            fmt::format("{}{} \\\n", indent,
                        in_quotes(fmt::format("{}:{}:{}", place, message_for(argument), zsh_action_for(argument))));
    }
    specs.erase(specs.size() - 3, 2);  // no line follows the last
    return fmt::format("                {})\n                    _arguments -S \\\n{}                    ;;\n",
                       command.name, specs);
}

}  // namespace

std::string zsh_completion(const Command& program) {
    std::string options;
    for (const Parameter& option : program.options) options += specs_for(option, std::string(8, ' '));
    std::string names;
    std::string branches;
    for (const Command& command : program.commands) {
        const std::string name = with_backslashes(command.name, ":") + ':' + with_backslashes(command.help, "");
        names += fmt::format("                {}\n", in_quotes(name));
        branches += branch_for(command);
    }
    return fmt::format(kZshScript, program.name, options, names, branches);
}

}  // namespace leasehold::app::help
