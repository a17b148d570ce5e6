// SPDX-License-Identifier: Apache-2.0
//
// Candidates with hooks, all of which leave notes: lines in one file, in the order in which things happened.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/harness/with_candidates.h"

namespace leasehold::harness {

class WithHooks : public WithCandidates<testing::Test> {
protected:
    // Nothing here is to come from a lease that runs out, but where the deadlines are what it is about.
    static inline const TestTiming kLongLease{"30s", "20s", "1s"};
    static inline const TestTiming kShortLease{"6s", "3s", "300ms"};

    std::string events_ = folder_.path("events");

    // With these lines in the section `workload`. The workload notes its start, and that it is asked to stop, and ends
    // with status 7 then.
    Candidate& lead(const std::string& name, const std::string& keys, std::vector<std::string> command = {},
                    const TestTiming& timing = kLongLease) {
        std::string lines;
        std::istringstream text(keys);
        for (std::string line; std::getline(text, line);) lines += "  " + line + "\n";
        return start(name, {.command = command.empty() ? that_notes() : std::move(command),
                            .timing = timing,
                            .extra = fmt::format("control: {{socket: {}}}\n", folder_.path(name + ".sock")),
                            .workload = lines});
    }

    static std::vector<std::string> sh(const std::string& text) { return {"sh", "-c", text}; }

    std::vector<std::string> that_notes(const std::string& traps = "") {
        return sh(
            fmt::format("env | grep ^LEASEHOLD_ > {0}; echo $$ > {1}; trap 'echo stop >> {2}; exit 7' TERM; {3} "
                        "echo start >> {2}; while :; do sleep 0.02; done",
                        folder_.path("env.workload"), folder_.path("workload.pid"), events_, traps));
    }

    // Of a shell script: what stands in the configuration.
    std::string hook(const std::string& name, const std::string& script) {
        const std::string path = folder_.path(name + ".sh");
        write_file(path, script);
        return fmt::format("[sh, {}]", path);
    }
    std::string noting(const std::string& name, const std::string& then = "") {
        return hook(name, fmt::format("echo {} >> {}\n{}", name, events_, then));
    }
    // Never ends, nor does a daemon that it has forked. Both write down who they are, in this file and one with a d.
    std::string that_hangs(const std::string& file, bool with_daemon = true) {
        const std::string daemon =
            fmt::format("(setsid sh -c 'trap \"\" TERM HUP; echo $$ > {}d; exec sleep 1000' &)\n", folder_.path(file));
        return (with_daemon ? daemon + wait_for_file(file + "d") : "") +
               fmt::format("trap '' TERM HUP\necho $$ > {}\nsleep 1000\n", folder_.path(file));
    }
    std::string wait_for_file(const std::string& name) {
        return fmt::format("while ! test -s {}; do sleep 0.02; done\n", folder_.path(name));
    }
    std::string wait_for_event(const std::string& event) {
        return fmt::format("while ! grep -q '^{}$' {}; do sleep 0.02; done\n", event, events_);
    }

    static std::string in_yaml(const std::map<std::string, std::string>& hooks, const std::string& more = "") {
        std::string text = more;
        for (const auto& [name, command] : hooks) text += (text.empty() ? "" : ", ") + name + ": " + command;
        return "hooks: {" + text + "}";
    }

    std::vector<std::string> events() const {
        std::vector<std::string> lines;
        std::istringstream text(read_file(events_));
        for (std::string line; std::getline(text, line);) lines.push_back(line);
        return lines;
    }
    bool has_event(const std::string& event) {
        return eventually([&] {
            const auto all = events();
            return std::find(all.begin(), all.end(), event) != all.end();
        });
    }
    // So many times so far, at least.
    bool has_started(std::ptrdiff_t times) {
        return eventually([&] {
            const auto all = events();
            return std::count(all.begin(), all.end(), "start") >= times;
        });
    }
    void forget() {
        for (const char* name : {"events", "env.workload", "workload.pid", "daemon"}) {
            std::filesystem::remove(folder_.path(name));
        }
    }

    std::string read_line(const std::string& name) const {
        const std::string text = read_file(folder_.path(name));
        return text.ends_with('\n') ? text.substr(0, text.find('\n')) : "";
    }
    pid_t pid_in(const std::string& name) const { return std::atoi(read_line(name).c_str()); }

    // What that_hangs() was, and its daemon.
    bool is_gone(const std::string& file, bool daemon_too = true) {
        return pid_in(file) > 0 &&
               eventually([&] { return !lives(pid_in(file)) && !(daemon_too && lives(pid_in(file + "d"))); });
    }

    // What LEASEHOLD_<name> said in a file of such lines.
    std::string environment_of(const std::string& who) const { return '\n' + read_file(folder_.path("env." + who)); }
    static std::string told(const std::string& environment, const std::string& name) {
        const std::string start = "\nLEASEHOLD_" + name + "=";
        const std::size_t at = environment.find(start);
        if (at == std::string::npos) return "";
        const std::size_t begin = at + start.size();
        return environment.substr(begin, environment.find('\n', begin) - begin);
    }

    // Those that are possible here.
    std::vector<std::string> containments() {
        std::vector<std::string> possible{"subreaper"};
        for (const std::string wanted : {"cgroup", "namespace"}) {
            const std::string file = folder_.path("check.yaml");
            write_file(file, fmt::format("election: {{name: check, store: {{file: {{path: {}}}}}}}\n"
                                         "workload: {{command: [sleep, '1'], containment: {}}}\n",
                                         folder_.path("check.lease"), wanted));
            Process check({.arguments = {leasehold_program(), "check", "--probe", "--config", file},
                           .output = folder_.path("check.log"),
                           .environment = {}});
            if (check.wait() == 0) possible.push_back(wanted);
        }
        return possible;
    }
    static std::string name_for(const std::string& containment) { return "by-" + containment; }
};

}  // namespace leasehold::harness
