// SPDX-License-Identifier: Apache-2.0
//
// The description is sound, and the reader, the printer and the schema know its keys and no others.
#include "config/description.h"

#include <set>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/support.h"

namespace leasehold::config {
namespace {

using testing::HasSubstr;
using testing::Not;

std::set<std::string> described_keys(const Description& all) {
    std::set<std::string> paths;
    for (const Key& key : all.keys) paths.insert(key.path);
    return paths;
}

// The paths in a schema below which there are no further properties.
void collect_keys(const Json& schema, const std::string& path, std::set<std::string>& paths) {
    if (!schema.contains("properties")) {
        paths.insert(path);
        return;
    }
    for (const auto& [name, child] : schema.at("properties").items()) collect_keys(child, below(path, name), paths);
}

// A file with one value only, as YAML, and whatever has to stand around it.
std::string file_with(const std::string& path, const std::string& value) {
    const std::string file = fmt::format("{{{}: {}}}", path.substr(path.rfind('.') + 1), value);
    const std::string parent = parent_of(path);
    return parent.empty() ? file : file_with(parent, file);
}

TEST(Description, NamesEveryKeyOfTheDesignAndNoOther) {
    EXPECT_THAT(
        described_keys(description()),
        testing::UnorderedElementsAre(
            "identity", "election.name", "election.lease_duration", "election.renew_deadline", "election.retry_period",
            "election.clock_drift", "election.kill_allowance", "election.store.file.path",
            "election.store.kubernetes.lock", "election.store.kubernetes.name", "election.store.kubernetes.namespace",
            "election.store.kubernetes.kubeconfig", "election.store.kubernetes.context",
            "election.store.kubernetes.proxy_url", "election.store.kubernetes.proxy_from_environment",
            "election.store.kubernetes.events", "election.store.kubernetes.role_label", "election.store.kubernetes.pod",
            "election.store.kubernetes.owner", "election.store.etcd.endpoints", "election.store.etcd.prefix",
            "election.store.etcd.ca_file", "election.store.etcd.cert_file", "election.store.etcd.key_file",
            "election.store.etcd.username", "election.store.etcd.password_file", "election.store.consul.address",
            "election.store.consul.prefix", "election.store.consul.datacenter", "election.store.consul.token_file",
            "election.store.consul.ca_file", "election.store.consul.cert_file", "election.store.consul.key_file",
            "election.store.zookeeper.servers", "election.store.zookeeper.path", "election.store.zookeeper.auth_file",
            "workload.command", "workload.env", "workload.user", "workload.group", "workload.supplementary_groups",
            "workload.umask", "workload.limits", "workload.working_directory", "workload.env_file",
            "workload.clear_env", "workload.nice", "workload.oom_score_adj", "workload.stop.signal",
            "workload.stop.grace_period", "workload.stop.command", "workload.standby_command",
            "workload.hooks.before_start", "workload.hooks.after_start", "workload.hooks.before_stop",
            "workload.hooks.after_stop", "workload.hooks.on_new_leader", "workload.hooks.timeout",
            "workload.restart.policy", "workload.restart.success_exit_codes", "workload.restart.initial_backoff",
            "workload.restart.max_backoff", "workload.restart.reset_after", "workload.restart.give_up_after",
            "workload.restart.within", "workload.restart.then", "workload.restart.cooldown", "workload.ready.notify",
            "workload.ready.exec", "workload.ready.http", "workload.ready.tcp", "workload.ready.status",
            "workload.ready.headers", "workload.ready.interval", "workload.ready.timeout",
            "workload.ready.success_threshold", "workload.ready.initial_delay", "workload.ready.start_timeout",
            "workload.health.exec", "workload.health.http", "workload.health.tcp", "workload.health.status",
            "workload.health.headers", "workload.health.interval", "workload.health.timeout",
            "workload.health.failure_threshold", "workload.health.success_threshold", "workload.health.initial_delay",
            "workload.health.then", "workload.candidacy.exec", "workload.candidacy.http", "workload.candidacy.tcp",
            "workload.candidacy.status", "workload.candidacy.headers", "workload.candidacy.interval",
            "workload.candidacy.timeout", "workload.candidacy.failure_threshold",
            "workload.candidacy.success_threshold", "workload.output.format", "workload.output.prefix",
            "workload.output.overflow", "workload.output.buffer", "workload.output.keep_last", "workload.signals.to",
            "workload.signals.rewrite", "workload.containment", "workload.no_new_privs", "protection.scheduling",
            "protection.oom_score_adj", "protection.lock_memory", "http.listen", "http.token_file",
            "http.tls.cert_file", "http.tls.key_file", "control.socket", "logging.level", "logging.format"));
}

TEST(Description, IsSound) {
    const Description& all = description();
    EXPECT_EQ(described_keys(all).size(), all.keys.size()) << "a path stands twice";
    for (const Key& key : all.keys) {
        SCOPED_TRACE(key.path);
        EXPECT_THAT(key.help, testing::EndsWith("."));
        EXPECT_NE(key.kind, "");
        EXPECT_TRUE(key.schema && !key.schema().is_null());
        EXPECT_TRUE(key.clear && key.add && key.entries);
        EXPECT_EQ(key.shape == Shape::mapping, static_cast<bool>(key.check_name));
        EXPECT_TRUE(key.shape == Shape::scalar || !key.example.empty());
        EXPECT_TRUE(key.need == Need::optional || !key.example.empty());
        EXPECT_EQ(all.section(key.path), nullptr);
        for (std::string path = parent_of(key.path); !path.empty(); path = parent_of(path)) {
            EXPECT_NE(all.section(path), nullptr) << path;
        }
    }
    for (const Section& section : all.sections) {
        EXPECT_THAT(section.help, testing::EndsWith(".")) << section.path;
        EXPECT_FALSE(all.children(section.path).empty()) << section.path;
    }
}

TEST(Description, DefaultsAreValidAndRoundTrip) {
    for (const Key& key : description().keys) {
        SCOPED_TRACE(key.path);
        Options options;
        const std::vector<Entry> entries = key.entries(options);
        key.clear(options);
        for (const Entry& entry : entries) EXPECT_TRUE(key.add(options, entry)) << entry.text;
        EXPECT_EQ(options, Options());
    }
}

TEST(Description, TheSchemaHasItsKeysAndNoOthers) {
    std::set<std::string> paths;
    collect_keys(Json::parse(json_schema()), "", paths);
    EXPECT_EQ(paths, described_keys(description()));
}

TEST(Description, ThePrinterAndTheReaderKnowItsKeys) {
    Options options;
    options.identity = "i";
    options.election.name = "e";
    options.election.store.file.path = "/p";
    options.workload.command = {"c"};
    options.workload.ready.probe.given = true;
    options.workload.ready.probe.http = "http://h/";
    options.workload.health.given = true;
    options.workload.health.http = "http://h/";
    options.workload.candidacy.given = true;
    options.workload.candidacy.tcp = "localhost:1";
    options.workload.process = {"u", "g", {}, {}, {}, "/d", "/e", false, {}, {}};
    std::string yaml = to_yaml(options, false);
    EXPECT_EQ(problems_in(yaml), "");
    auto& store = options.election.store;
    store.kind = StoreKind::kubernetes;
    store.kubernetes = {stores::KubernetesLock::lease, "n", "s", "k", "c", "u", false, true, "l", "p", "v1/Pod/p/u"};
    yaml += to_yaml(options, false);
    store.kind = StoreKind::etcd;
    store.etcd = {{"http://e"}, "p/", "ca", "c", "k", "u", "w"};
    yaml += to_yaml(options, false);
    store.kind = StoreKind::consul;
    store.consul = {"http://c", "p/", "d", "t", "ca", "c", "k"};
    yaml += to_yaml(options, false);
    store.kind = StoreKind::zookeeper;
    store.zookeeper = {{"z:2181"}, "/p", "/a"};
    yaml += to_yaml(options, false);
    for (const Key& key : description().keys) {
        const std::string name = key.path.substr(key.path.rfind('.') + 1);
        EXPECT_THAT(yaml, HasSubstr(name + ':')) << key.path;
        // A list of lists is no value of any key, so the reader complains, but not about an unknown key.
        const std::string text = file_with(key.path, "[[]]");
        EXPECT_THAT(problems_in(text), HasSubstr(key.path)) << text;
        EXPECT_THAT(problems_in(text), Not(HasSubstr("unknown key"))) << text;
    }
}

// A description like the real one, in which some keys are secret.
Description with_secrets(const std::set<std::string>& paths) {
    Description all = description();
    for (Key& key : all.keys) key.secret = paths.contains(key.path);
    return all;
}

const char* const kSecrets = R"(identity: hunter2
election: {name: e}
workload: {command: [hunter2, -p, hunter2], env: {PASSWORD: hunter2}}
)";

TEST(Secrets, AreMaskedWhenPrinted) {
    const Description all = with_secrets({"identity", "workload.command", "workload.env"});
    const Loaded loaded = load_text(all, kSecrets, with({}));
    ASSERT_EQ(problems_of(loaded), "");
    const std::string masked = to_yaml(all, loaded.options, true);
    EXPECT_THAT(masked, Not(HasSubstr("hunter2")));
    EXPECT_THAT(masked, HasSubstr("identity: \"***\"\n"));
    EXPECT_THAT(masked, HasSubstr("    - \"***\"\n    - \"***\"\n    - \"***\"\n"));
    EXPECT_THAT(masked, HasSubstr("    PASSWORD: \"***\"\n"));
    EXPECT_EQ(load_text(all, to_yaml(all, loaded.options, false), with({})).options, loaded.options);
}

TEST(Secrets, AreNotQuotedInProblems) {
    const Description all = with_secrets(described_keys(description()));
    const Variables variables = {{"SECRET", "hunter2"}};
    for (const char* value :
         {"hunter2", "'${SECRET}'", "'$hunter2'", "'${hunter2'", "'${hunt-hunter2}'", "'${NOBODY}hunter2'"}) {
        for (const Key& key : all.keys) {
            std::string text = value;
            if (key.shape == Shape::list) text = fmt::format("[{}, \"\\0hunter2\"]", text);
            if (key.shape == Shape::mapping) text = fmt::format("{{A: {}, B: \"\\0hunter2\"}}", text);
            text = file_with(key.path, text);
            const std::string problems = problems_of(load_text(all, text, with(variables)));
            EXPECT_THAT(problems, Not(HasSubstr("hunter2"))) << text;
            // The control: without the flag they are quoted.
            const std::set<std::string> names = {"identity", "election.name", "workload.user", "workload.group"};
            const bool mistyped = key.schema().contains("pattern") && !names.contains(key.path);
            if (mistyped) {
                EXPECT_THAT(problems_in(text, variables), HasSubstr("hunter2")) << text;
            }
        }
    }
}

TEST(Secrets, AreWriteOnlyInTheSchema) {
    const Json schema = schema_of(with_secrets({"identity"}));
    EXPECT_EQ(schema.at("properties").at("identity").at("writeOnly"), true);
    EXPECT_FALSE(schema.at("properties").at("http").at("properties").at("listen").contains("writeOnly"));
}

}  // namespace
}  // namespace leasehold::config
