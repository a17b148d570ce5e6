// SPDX-License-Identifier: Apache-2.0
//
// What the command line is made of, as plain values. It is taken from the description by which the command line is
// parsed (app/cli.cpp); completion and manual are made of it, so neither can know a command or an option that is not
// there, nor miss one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace leasehold::app::help {

// What values are called in app/cli.cpp. These two are completed as file names, as is what begins with a program.
inline constexpr std::string_view kFile = "FILE";
inline constexpr std::string_view kPath = "PATH";
inline constexpr std::string_view kProgram = "COMMAND ARG...";  // stands behind "--"

struct Parameter {
    std::vector<std::string> names;    // "-c", "--config"; none for what goes by its place
    std::string value;                 // what it takes: "FILE"; empty for a flag
    std::vector<std::string> choices;  // all that the value can be, if it is one of a few words
    std::string help;
    bool required = false;

    bool takes_file() const { return value == kFile || value == kPath; }
    bool takes_program() const { return value == kProgram; }
};

struct Command {
    std::string name;
    std::string help;
    std::vector<Parameter> options;    // flags among them
    std::vector<Parameter> arguments;  // what goes by its place
    std::vector<Command> commands;

    bool takes_program() const;
};

Command describe(const CLI::App& app);

// Adds a required argument that is one of a few words, such that describe() knows them.
void add_choice(CLI::App& app, const std::string& name, std::string& value, const std::vector<std::string>& choices,
                const std::string& help);

}  // namespace leasehold::app::help
