// SPDX-License-Identifier: Apache-2.0
#include <cctype>

#include <fmt/format.h>

#include "app/exit_status.h"
#include "app/help/manual.h"
#include "app/help/roff.h"

namespace leasehold::app::help {
namespace {

struct Item {
    const char* term;
    const char* text;
};

constexpr const char* kAboutTheCommand =
    "There is a program that may never run twice at a time, and that knows nothing about clusters. `leasehold run` is "
    "started around it in several places; each is a candidate. They elect a leader by a lease that is kept in a store: "
    "a file, a Kubernetes cluster, etcd, Consul or ZooKeeper. The leader runs the program, its workload, and renews "
    "the "
    "lease. When it goes, another candidate takes over: within milliseconds after a clean stop, after a crash as soon "
    "as the lease has run out. The old program and everything it has started are gone before the new one begins.\n\n"
    "The configuration is one file, leasehold.yaml(5). The program must stay in the foreground. As the entrypoint of a "
    "container leasehold is also its init: it reaps processes that have lost their parent, and hands signals on.";

constexpr Item kSignals[] = {
    {"`TERM`, `INT`",
     "The workload is asked to stop, the lease is released, leasehold ends. The second time the workload is killed, "
     "the third time everything is."},
    {"`HUP`", "Leasehold reads its configuration anew, and the workload gets it as it gets all others."},
    {"`QUIT`", "Goes to the workload; where none runs, leasehold ends."},
    {"`TSTP`, `TTIN`, `TTOU`, `CHLD`, `PIPE`", "Nothing happens."},
    {"all others", "Go to the workload, if it runs here, as `workload.signals` says."},
};

constexpr Item kEnvironment[] = {
    {"`LEASEHOLD_IDENTITY`, `LEASEHOLD_ELECTION`, `LEASEHOLD_ROLE`",
     "Given to the workload: who this candidate is, the lock's name, and leader."},
    {"`LEASEHOLD_FENCING_TOKEN`",
     "Given to the workload: a number that grows from each leader to the next. Whoever stores what the workload writes "
     "can refuse lower ones."},
    {"`LEASEHOLD_TRANSITIONS`, `LEASEHOLD_TERM_ID`",
     "Given to the workload: how often the leader has changed, and the mark by which leftovers are found."},
    {"`KUBECONFIG`, `KUBERNETES_SERVICE_HOST`, `KUBERNETES_SERVICE_PORT`, `POD_NAME`, `POD_NAMESPACE`",
     "With the store kubernetes: where the cluster is, and in which pod leasehold runs."},
    {"`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`",
     "Set by a service manager that wants to be told of readiness and to be shown signs of life."},
    {"all others", "Can be used in the configuration, and are handed on to the workload."},
};

constexpr Item kFiles[] = {
    {"/var/lib/leasehold/NAME.lease, /var/lib/leasehold/NAME.lease.lock",
     "The record of the election NAME, and its lock, with the store file. Leave both alone while candidates run."},
};

constexpr const char* kExamples =
    "leasehold check --config leasehold.yaml --probe\n"
    "leasehold run --config leasehold.yaml\n"
    "leasehold run --config leasehold.yaml -- /usr/sbin/billingd --foreground\n"
    "leasehold config --config leasehold.yaml";

template <class Items>
void add_items(ManualPage& page, const Items& items) {
    for (const Item& item : items) page.item(item.term, item.text);
}

std::string spelled(const Parameter& option) {
    std::string out;
    for (const std::string& name : option.names) out += fmt::format("{}`{}`", out.empty() ? "" : ", ", name);
    return option.value.empty() ? out : out + ' ' + option.value;
}

// `run --config FILE [--wait-timeout DURATION] [-- COMMAND ARG...]`
std::string synopsis(const std::string& program, const Command& command) {
    std::string out = fmt::format("`{} {}`", program, command.name);
    const auto add = [&out](bool required, const std::string& what) {
        out += required ? ' ' + what : " [" + what + ']';
    };
    for (const Parameter& option : command.options) {
        if (option.names.back() == "--help") continue;
        const std::string value = option.value.empty() ? "" : ' ' + option.value;
        add(option.required, fmt::format("`{}`{}", option.names.back(), value));
    }
    for (const Parameter& argument : command.arguments) {
        add(argument.required, argument.takes_program() ? "`--` " + argument.value : argument.value);
    }
    return out;
}

// "Runs a program." is "runs a program" behind a dash.
std::string as_phrase(std::string text) {
    text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    if (text.back() == '.') text.pop_back();
    return text;
}

std::string as_sentence(std::string text) {
    if (text.empty()) return text;
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
    return text.back() == '.' ? text : text + '.';
}

void add_commands(ManualPage& page, const Command& program) {
    page.section("COMMANDS");
    for (const Command& command : program.commands) {
        page.subsection(command.name);
        page.paragraph(as_sentence(command.help));
        for (const Parameter& option : command.options) {
            if (option.names.back() != "--help") page.item(spelled(option), as_sentence(option.help));
        }
        for (const Parameter& argument : command.arguments) page.item(argument.value, as_sentence(argument.help));
    }
}

}  // namespace

std::string command_manual(const Command& program, const std::string& source) {
    ManualPage page(program.name, 1, source);
    page.name(program.name, as_phrase(program.help));
    page.section("SYNOPSIS");
    for (const Command& command : program.commands) page.line(synopsis(program.name, command));
    page.section("DESCRIPTION");
    page.paragraph(kAboutTheCommand);
    add_commands(page, program);
    page.section("OPTIONS");
    for (const Parameter& option : program.options) page.item(spelled(option), as_sentence(option.help));
    page.section("EXIT STATUS");
    for (const ExitMeaning& one : kExitMeanings) page.item(one.status, as_sentence(one.meaning));
    page.section("SIGNALS");
    add_items(page, kSignals);
    page.section("ENVIRONMENT");
    add_items(page, kEnvironment);
    page.section("FILES");
    add_items(page, kFiles);
    page.section("EXAMPLES");
    page.example(kExamples);
    page.section("SEE ALSO");
    page.paragraph("`leasehold.yaml`(5)");
    return page.text();
}

}  // namespace leasehold::app::help
