// SPDX-License-Identifier: Apache-2.0
//
// Configurations and kubeconfigs that cannot be used: one clear message, the documented exit status, nothing started,
// and no server needed to find out.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

struct Case {
    std::string what;
    std::string text;  // of the kubeconfig, or of a key
    std::vector<std::string> says;
};

class KubernetesBadInput : public testing::Test {
protected:
    struct Result {
        int status = -1;
        std::string output;
    };

    Result run(const std::vector<std::string>& command, const std::string& election, const std::string& store) {
        write_file(folder_.path("config.yaml"),
                   fmt::format("election:\n  {}\n  store: {{kubernetes: {{{}}}}}\n"
                               "workload: {{command: [touch, \"{}\"]}}\nhttp: {{listen: []}}\n",
                               election, store, folder_.path("started")));
        const std::string output = folder_.path("output");
        std::filesystem::remove(output);
        std::vector<std::string> arguments{leasehold_program()};
        arguments.insert(arguments.end(), command.begin(), command.end());
        for (const std::string& argument : {std::string("--config"), folder_.path("config.yaml")}) {
            arguments.push_back(argument);
        }
        Process process({.arguments = arguments, .output = output, .environment = {}});
        return {process.wait().value_or(-1), read_file(output)};
    }

    // Every command that would use it refuses it alike.
    void expect_refusal(const Case& wrong, int status, const std::string& election, const std::string& store,
                        const std::vector<std::vector<std::string>>& commands = {
                            {"run"}, {"init"}, {"check", "--probe"}}) {
        SCOPED_TRACE(wrong.what);
        for (const auto& command : commands) {
            const Result result = run(command, election, store);
            EXPECT_EQ(result.status, status) << command.front() << ": " << result.output;
            for (const std::string& part : wrong.says) {
                EXPECT_NE(result.output.find(part), std::string::npos) << part << " is missing in: " << result.output;
            }
            const bool only_complains = status == 125 && command.front() != "check";
            if (only_complains) {
                EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
            }
        }
        EXPECT_FALSE(std::filesystem::exists(folder_.path("started")));
    }

    // A kubeconfig with one context, but for what the case replaces.
    static std::string kubeconfig(const std::string& cluster, const std::string& user) {
        return "current-context: dev\ncontexts: [{name: dev, context: {cluster: here, user: me}}]\n"
               "clusters: [{name: here, cluster: {" +
               cluster + "}}]\nusers: [{name: me, user: {" + user + "}}]\n";
    }

    TempFolder folder_;
    const std::string name_ = "name: billing";
};

TEST_F(KubernetesBadInput, Kubeconfigs) {
    const std::string server = "server: 'https://127.0.0.1:1'";
    const std::string context = "current-context: dev\ncontexts: [{name: dev, context: {cluster: here, user: me}}]\n";
    const std::vector<Case> cases{
        {"no YAML", "a: b\n  c: d\n", {"is no kubeconfig: line 2"}},
        {"something else", "kind: Pod\n", {"`kind` is not Config"}},
        {"no context at all", "kind: Config\n", {"no context is chosen", "current-context"}},
        {"missing context", "current-context: prod\ncontexts: [{name: dev}]\n", {"'prod'", "there is only: dev"}},
        {"missing cluster", context + "users: [{name: me}]\n", {"the cluster 'here', which is not in"}},
        {"missing user", context + "clusters: [{name: here, cluster: {" + server + "}}]\n", {"the user 'me'"}},
        {"no server", kubeconfig("", "token: x"), {"`server` is missing"}},
        {"no URL", kubeconfig("server: example.org", "token: x"), {"`server` has no scheme"}},
        {"bad base64", kubeconfig(server + ", certificate-authority-data: '*'", "token: x"), {"is not base64"}},
        {"missing CA", kubeconfig(server + ", certificate-authority: their.crt", "token: x"), {"their.crt"}},
        {"missing token file", kubeconfig(server, "tokenFile: the-token"), {"the-token", "No such file"}},
        {"half a client certificate", kubeconfig(server, "client-certificate-data: eA=="), {"user 'me'"}},
        {"a plugin without a command",
         kubeconfig(server, "exec: {apiVersion: client.authentication.k8s.io/v1}"),
         {"`exec.command` is missing"}},
        {"a plugin of another kind",
         kubeconfig(server, "exec: {apiVersion: v7, command: x}"),
         {"v7", "exec.apiVersion"}},
    };
    const std::string file = folder_.path("kubeconfig");
    for (const Case& wrong : cases) {
        write_file(file, wrong.text);
        expect_refusal(wrong, 125, name_, "kubeconfig: \"" + file + '"');
    }
    std::filesystem::remove(file);
    expect_refusal({"missing file", "", {file, "No such file"}}, 125, name_, "kubeconfig: \"" + file + '"');
}

// What only shows when credentials are needed. A run goes on trying, see AccessTroubleTest.
TEST_F(KubernetesBadInput, Plugins) {
    const std::vector<Case> scripts{
        {"that fails", "echo 'please log in' >&2; exit 3", {"failed with exit status 3: please log in"}},
        {"that prints nonsense", "echo 'You are welcome.'", {"printed something that is not the JSON of an Exec"}},
        {"that is not there", "", {"is not there", "install it, or correct the kubeconfig"}},
    };
    const std::string plugin = folder_.path("plugin");
    const std::string exec = "exec: {apiVersion: client.authentication.k8s.io/v1, command: '" + plugin + "'}";
    write_file(folder_.path("kubeconfig"), kubeconfig("server: 'https://127.0.0.1:1'", exec));
    for (Case script : scripts) {
        write_file(plugin, "#!/bin/sh\n" + script.text + '\n');
        std::filesystem::permissions(plugin, std::filesystem::perms::owner_all);
        if (script.text.empty()) std::filesystem::remove(plugin);
        script.says.push_back(plugin);
        expect_refusal(script, 125, name_, "kubeconfig: \"" + folder_.path("kubeconfig") + '"',
                       {{"init"}, {"check", "--probe"}});
    }
}

TEST_F(KubernetesBadInput, Configurations) {
    const std::vector<Case> names{
        {"upper case", "name: Billing", {"election.name", "no name for an object in Kubernetes"}},
        {"underline", "name: billing_cron", {"election.name", "election.store.kubernetes.name"}},
        {"too long", "name: " + std::string(254, 'a'), {"election.name"}},
        {"half a second",
         "name: billing\n  lease_duration: 15500ms",
         {"election.lease_duration", "whole seconds", "16s"}},
    };
    for (const Case& wrong : names) expect_refusal(wrong, 2, wrong.text, "");
    const std::vector<Case> keys{
        {"object's name", "name: -x", {"election.store.kubernetes.name", "no name for an object"}},
        {"namespace", "namespace: a.b", {"election.store.kubernetes.namespace", "no name for a namespace"}},
        {"lock", "lock: leases", {"election.store.kubernetes.lock", "lease"}},
        {"label", "role_label: 'a b'", {"election.store.kubernetes.role_label", "no key of a label"}},
        {"owner", "owner: billing", {"election.store.kubernetes.owner", "APIVERSION/KIND/NAME/UID"}},
    };
    for (const Case& wrong : keys) expect_refusal(wrong, 2, name_, wrong.text);
}

}  // namespace
}  // namespace leasehold::harness
