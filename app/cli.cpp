// SPDX-License-Identifier: Apache-2.0
#include "app/cli.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/exit_status.h"
#include "app/leader_elector_flags.h"
#include "app/version.h"
#include "config/config.h"

namespace leasehold::app {
namespace {

constexpr const char* kFooter =
    "In the place of leader-elector 0.4 or 0.5 it takes the same flags: leasehold --election=NAME\n"
    "--http=HOST:PORT ... (leasehold --election= --help).\n\n"
    "Exit status: the workload's own (128+n when signal n ended it); 2 usage or configuration;\n"
    "124 gave up waiting (--wait-timeout); 125 leasehold failed; 126/127 the command cannot be\n"
    "executed / found.";

void add_config_option(CLI::App& command, std::string& file) {
    command.add_option("-c,--config", file, "the configuration file (YAML)")->required()->type_name("FILE");
}

}  // namespace

int command_line(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    if (is_leader_elector(arguments)) return leader_elector_command(arguments);

    CLI::App app{"Runs a program on exactly one of several machines, by leader election.", "leasehold"};
    app.set_version_flag("--version", fmt::format("leasehold {} ({})", version(), revision()));
    app.require_subcommand(1);
    app.footer(kFooter);

    std::string file;
    RunArguments run_arguments;
    CLI::App* run = app.add_subcommand("run", "take part in the election and run the workload while leading");
    add_config_option(*run, run_arguments.config);
    std::string wait_timeout;
    run->add_option("--wait-timeout", wait_timeout, "give up with status 124 when not leading by then, e.g. 10m")
        ->type_name("DURATION");
    run->add_option("command", run_arguments.command, "after '--': the program to run, instead of workload.command")
        ->type_name("COMMAND ARG...");

    CLI::App* sidecar =
        app.add_subcommand("sidecar", "take part in the election without a workload, and tell who leads");
    add_config_option(*sidecar, file);
    CLI::App* init = app.add_subcommand("init", "make the lock's record, released, ahead of the first start");
    add_config_option(*init, file);
    CLI::App* check = app.add_subcommand("check", "validate the configuration and print the timing budget");
    add_config_option(*check, file);
    bool probe = false;
    check->add_flag("--probe", probe, "also ask the store, look for the command, and try the containment");
    CLI::App* config = app.add_subcommand("config", "print the effective configuration, defaults filled in");
    add_config_option(*config, file);
    CLI::App* schema = app.add_subcommand("schema", "print the JSON Schema of the configuration file");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int status = app.exit(error);  // prints help, version or the error
        return status == 0 ? 0 : kUsage;
    }
    if (run->parsed()) return run_command(run_arguments, wait_timeout);
    if (sidecar->parsed()) return sidecar_command(file);
    if (init->parsed()) return init_command(file);
    if (check->parsed()) return check_command(file, probe);
    if (config->parsed()) return config_command(file);
    if (schema->parsed()) return schema_command();
    return kUsage;
}

}  // namespace leasehold::app
