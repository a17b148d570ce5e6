// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "app/help/completion.h"

namespace leasehold::app::help {
namespace {

using Words = std::vector<std::string>;

// {0}: the program; {1}: branches for values of options; {2}: branches for words; {3}: commands that take a program.
constexpr const char* kBashScript = R"(# Completion of {0} for bash, made by: {0} completion bash

_{0}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command= words= options= index
    COMPREPLY=()
    if ((COMP_CWORD > 1)); then command=${{COMP_WORDS[1]}}; fi

    # --option=value is three words here.
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi

    # Behind -- stands a program with its arguments.
    for ((index = 2; index < COMP_CWORD; index++)); do
        if [[ ${{COMP_WORDS[index]}} == -- ]]; then
            case $command in
{3}            esac
            return
        fi
    done

    # The value of an option.
    case "$command $before" in
{1}    esac

    case $command in
{2}    esac
    if [[ $word == -* || -z $words ]]; then words=$options; fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}

complete -F _{0} {0}
)";

constexpr const char* kProgramOrFile =
    "if ((index == COMP_CWORD - 1)); then mapfile -t COMPREPLY < <(compgen -c -- \"$word\")"
    "; else compopt -o default; fi";

std::string bash_action_for(const Parameter& option) {
    if (option.takes_file()) return "compopt -o default; return";
    if (option.choices.empty()) return "return";  // nobody can know what comes here
    return fmt::format("mapfile -t COMPREPLY < <(compgen -W {} -- \"$word\"); return",
                       in_quotes(fmt::format("{}", fmt::join(option.choices, " "))));
}

std::string branches_for_values(const Command& command, const std::string& name) {
    std::string branches;
    for (const Parameter& option : command.options) {
        if (option.value.empty()) continue;
        Words patterns;
        for (const std::string& spelling : option.names) patterns.push_back(in_quotes(name + ' ' + spelling));
        branches += fmt::format("        {}) {} ;;\n", fmt::join(patterns, " | "), bash_action_for(option));
    }
    return branches;
}

std::string branch_for_words(const Command& command, const std::string& name) {
    Words options;
    for (const Parameter& option : command.options) options.push_back(option.names.back());
    if (command.takes_program()) options.emplace_back("--");
    Words words;
    for (const Command& below : command.commands) words.push_back(below.name);
    for (const Parameter& argument : command.arguments) {
        words.insert(words.end(), argument.choices.begin(), argument.choices.end());
    }
    return fmt::format("        {}) words={} options={} ;;\n", in_quotes(name),
                       in_quotes(fmt::format("{}", fmt::join(words, " "))),
                       in_quotes(fmt::format("{}", fmt::join(options, " "))));
}

}  // namespace

std::string bash_completion(const Command& program) {
    std::string values;
    std::string words = branch_for_words(program, "");
    std::string programs;
    for (const Command& command : program.commands) {
        values += branches_for_values(command, command.name);
        words += branch_for_words(command, command.name);
        if (!command.takes_program()) continue;
        programs += fmt::format("                {}) {} ;;\n", in_quotes(command.name), kProgramOrFile);
    }
    return fmt::format(kBashScript, program.name, values, words, programs);
}

}  // namespace leasehold::app::help
