// SPDX-License-Identifier: Apache-2.0
#include "app/help/command_tree.h"

#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace leasehold::app::help {
namespace {

constexpr char kBetweenChoices = '|';

std::vector<std::string> choices_of(const std::string& value) {
    if (value.find(kBetweenChoices) == std::string::npos) return {};
    return CLI::detail::split(value, kBetweenChoices);
}

Parameter describe(const CLI::Option& option) {
    Parameter parameter;
    for (const std::string& name : option.get_snames()) parameter.names.push_back('-' + name);
    for (const std::string& name : option.get_lnames()) parameter.names.push_back("--" + name);
    const bool is_flag = option.get_items_expected_max() == 0;
    if (!is_flag) parameter.value = option.get_type_name();
    parameter.choices = choices_of(parameter.value);
    parameter.help = option.get_description();
    parameter.required = option.get_required();
    return parameter;
}

}  // namespace

bool Command::takes_program() const {
    return std::any_of(arguments.begin(), arguments.end(), [](const Parameter& p) { return p.takes_program(); });
}

Command describe(const CLI::App& app) {
    Command command;
    command.name = app.get_name();
    command.help = app.get_description();
    for (const CLI::Option* option : app.get_options()) {
        (option->get_positional() ? command.arguments : command.options).push_back(describe(*option));
    }
    for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
        command.commands.push_back(describe(*below));
    }
    return command;
}

void add_choice(CLI::App& app, const std::string& name, std::string& value, const std::vector<std::string>& choices,
                const std::string& help) {
    app.add_option(name, value, help)
        ->required()
        ->type_name(fmt::format("{}", fmt::join(choices, std::string(1, kBetweenChoices))))
        ->check(CLI::IsMember(choices).description(""));  // the name of the type says it already
}

}  // namespace leasehold::app::help
