// SPDX-License-Identifier: Apache-2.0
#include "app/cli.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/control_commands.h"
#include "app/exit_status.h"
#include "app/help/completion.h"
#include "app/help/manual.h"
#include "app/leader_elector_flags.h"
#include "app/version.h"
#include "config/config.h"

namespace leasehold::app {
namespace {

constexpr const char* kRun = "run";

std::string footer() {
    std::string text =
        "In the place of leader-elector 0.4 or 0.5 it takes the same flags: leasehold --election=NAME\n"
        "--http=HOST:PORT ... (leasehold --election= --help).\n\n"
        "Exit status:";
    for (const ExitMeaning& one : kExitMeanings) text += fmt::format("\n  {:<5}{}", one.status, one.meaning);
    return text;
}

void add_config_option(CLI::App& command, std::string& file) {
    command.add_option("-c,--config", file, "the configuration file (YAML)")
        ->required()
        ->type_name(std::string(help::kFile));
}

std::string printed_manual(const help::Command& program, const std::string& page) {
    const std::string source = fmt::format("leasehold {}", version());
    return page == "1" ? help::command_manual(program, source) : help::file_manual(config::description(), source);
}

int print(const std::string& text) {
    fmt::print("{}", text);
    return 0;
}

// The commands to a running leasehold; `given` says whether it is one of them.
void add_control_commands(CLI::App& app, ControlArguments& arguments, bool& given) {
    const auto add = [&](ControlCommand command, const char* help) -> CLI::App& {
        CLI::App* const made = app.add_subcommand(name_of(command), help);
        made->add_option("-c,--config", arguments.config, "its configuration file, for control.socket")
            ->type_name(std::string(help::kFile));
        made->add_option("-s,--socket", arguments.socket, "its control socket, instead")
            ->type_name(std::string(help::kPath));
        made->add_flag("--json", arguments.json, "print JSON");
        made->callback([&arguments, &given, command] {
            arguments.command = command;
            given = true;
        });
        return *made;
    };
    add(ControlCommand::status, "show who leads, why not this candidate, and the last decisions")
        .add_flag("--watch", arguments.watch, "again every second, until interrupted");
    CLI::App& resign = add(ControlCommand::resign, "stop the workload, release the lease, let another candidate lead");
    resign.add_option("--to", arguments.successor, "who may go first")->type_name("IDENTITY");
    resign.add_flag("--no-wait", arguments.no_wait, "do not wait until the lease is released");
    add(ControlCommand::pause, "keep what is: contend for nothing, and do nothing when the workload ends");
    add(ControlCommand::resume, "end a pause");
    add(ControlCommand::restart, "stop the workload (on a standby: the standby command) and start it again")
        .add_flag("--no-wait", arguments.no_wait, "do not wait until it runs again");
    add(ControlCommand::reload, "read the configuration file anew; so does SIGHUP")
        .add_flag("--no-wait", arguments.no_wait, "do not wait until it is known what became of it");
}

CLI::App& add_run(CLI::App& app, RunArguments& arguments, std::string& wait_timeout) {
    CLI::App& run = *app.add_subcommand(kRun, "take part in the election and run the workload while leading");
    add_config_option(run, arguments.config);
    run.add_option("--wait-timeout", wait_timeout,
                   "give up with status 124 when not leading by then, e.g. 10m; choose more than "
                   "election.lease_duration")
        ->type_name("DURATION");
    run.add_option("command", arguments.command, "after '--': the program to run, instead of workload.command")
        ->type_name(std::string(help::kProgram));
    return run;
}

std::function<int()> status_of(const CLI::App& app, const CLI::ParseError& error) {
    const int status = app.exit(error);  // prints help, version or the error
    return [status] { return status == 0 ? 0 : kUsage; };
}

// The command that a workload waits for: no other one is described for it.
std::function<int()> chosen_run(CLI::App& app, int argc, char** argv) {
    RunArguments arguments;
    std::string wait_timeout;
    CLI::App& run = add_run(app, arguments, wait_timeout);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        run.footer(footer());  // it may be a call for help
        return status_of(app, error);
    }
    return [arguments, wait_timeout] { return run_command(arguments, wait_timeout); };
}

// What is to be done; nothing of the description of the command line is left by then.
std::function<int()> chosen_command(int argc, char** argv) {
    CLI::App app{"Runs a program on exactly one of several machines, by leader election.", "leasehold"};
    app.require_subcommand(1);
    if (argc > 1 && std::string_view(argv[1]) == kRun) return chosen_run(app, argc, argv);
    app.set_version_flag("--version", fmt::format("leasehold {} ({})", version(), revision()));
    app.footer(footer());

    std::string file;
    RunArguments run_arguments;
    std::string wait_timeout;
    CLI::App& run = add_run(app, run_arguments, wait_timeout);
    CLI::App* sidecar =
        app.add_subcommand("sidecar", "take part in the election without a workload, and tell who leads");
    add_config_option(*sidecar, file);
    CLI::App* init = app.add_subcommand("init", "make the lock's record, released, ahead of the first start");
    add_config_option(*init, file);
    CLI::App* check = app.add_subcommand("check", "validate the configuration and print the timing budget");
    add_config_option(*check, file);
    bool probe = false;
    check->add_flag("--probe", probe, "also ask the store, look for the commands, and try the containment");
    CLI::App* config = app.add_subcommand("config", "print the effective configuration, defaults filled in");
    add_config_option(*config, file);
    CLI::App* schema = app.add_subcommand("schema", "print the JSON Schema of the configuration file");

    ControlArguments control;
    bool controls = false;
    add_control_commands(app, control, controls);

    CLI::App* completion = app.add_subcommand("completion", "print what lets a shell complete this command line");
    std::string shell;
    help::add_choice(*completion, "shell", shell, help::shells(), "which shell reads it");
    CLI::App* manual = app.add_subcommand("manual", "print a page of the manual, for man -l");
    std::string page;
    help::add_choice(*manual, "page", page, {"1", "5"}, "1, this command, or 5, its configuration file");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return status_of(app, error);
    }
    if (controls) return [control] { return control_command(control); };
    if (run.parsed()) return [run_arguments, wait_timeout] { return run_command(run_arguments, wait_timeout); };
    if (sidecar->parsed()) return [file] { return sidecar_command(file); };
    if (init->parsed()) return [file] { return init_command(file); };
    if (check->parsed()) return [file, probe] { return check_command(file, probe); };
    if (config->parsed()) return [file] { return config_command(file); };
    if (schema->parsed()) return [] { return schema_command(); };
    const help::Command described = help::describe(app);
    if (completion->parsed()) return [described, shell] { return print(help::completion(described, shell)); };
    if (manual->parsed()) return [described, page] { return print(printed_manual(described, page)); };
    return [] { return kUsage; };
}

}  // namespace

int command_line(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    if (is_leader_elector(arguments)) return leader_elector_command(arguments);
    return chosen_command(argc, argv)();
}

}  // namespace leasehold::app
