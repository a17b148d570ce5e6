// SPDX-License-Identifier: Apache-2.0
//
// The schema, by a validator for as much of JSON Schema as it uses, and by Python's jsonschema where that is installed.
// The documents are JSON, which is YAML too, so that schema and reader can be asked about the same text.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/description.h"
#include "tests/config/support.h"

namespace leasehold::config {
namespace {

bool has_type(const Json& value, const std::string& type) {
    return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
           (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
           (type == "integer" && value.is_number_integer()) || (type == "boolean" && value.is_boolean()) ||
           (type == "null" && value.is_null());
}

bool accepts(const Json& schema, const Json& value);

bool accepts_object(const Json& schema, const Json& value) {
    for (const auto& name : schema.value("required", Json::array())) {
        if (!value.contains(name.get<std::string>())) return false;
    }
    if (value.size() < schema.value("minProperties", 0U)) return false;
    if (value.size() > schema.value("maxProperties", 1000U)) return false;
    for (const auto& [name, member] : value.items()) {
        if (schema.contains("propertyNames") && !accepts(schema.at("propertyNames"), name)) return false;
        if (schema.contains("properties") && schema.at("properties").contains(name)) {
            if (!accepts(schema.at("properties").at(name), member)) return false;
        } else if (schema.contains("additionalProperties") && !accepts(schema.at("additionalProperties"), member)) {
            return false;
        }
    }
    return true;
}

bool accepts(const Json& schema, const Json& value) {
    if (schema.is_boolean()) return schema.get<bool>();
    if (schema.contains("type")) {
        const Json& types = schema.at("type");
        bool any = types.is_string() && has_type(value, types);
        if (types.is_array()) {
            for (const auto& type : types) any = any || has_type(value, type);
        }
        if (!any) return false;
    }
    if (schema.contains("enum")) {
        const Json& words = schema.at("enum");
        if (std::find(words.begin(), words.end(), value) == words.end()) return false;
    }
    if (schema.contains("anyOf")) {
        bool any = false;
        for (const auto& one : schema.at("anyOf")) any = any || accepts(one, value);
        if (!any) return false;
    }
    if (value.is_string() && schema.contains("pattern")) {
        const std::regex pattern(schema.at("pattern").get<std::string>());
        if (!std::regex_search(value.get<std::string>(), pattern)) return false;
    }
    if (value.is_number() && value < schema.value("minimum", Json(-1e9))) return false;
    if (value.is_number() && value > schema.value("maximum", Json(1e9))) return false;
    if (value.is_array() && value.size() < schema.value("minItems", 0U)) return false;
    if (value.is_array() && schema.contains("items")) {
        for (const auto& item : value) {
            if (!accepts(schema.at("items"), item)) return false;
        }
    }
    return !value.is_object() || accepts_object(schema, value);
}

// A document that is right but for `value` at `path`.
Json document_with(const std::string& path, const Json& value) {
    Json document = {{"election", {{"name", "e"}}}, {"workload", {{"command", {"c"}}}}};
    std::string pointer = '/' + path;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    document[Json::json_pointer(pointer)] = value;
    return document;
}

std::vector<Json> right_documents() {
    std::vector<Json> documents = {
        {{"election", {{"name", "e"}}}, {"workload", {{"command", {"c"}}}}},
        Json::parse(R"({
            "identity": "${NAME}",
            "election": {"name": "billing", "lease_duration": "30s", "renew_deadline": "20s", "retry_period": "2.5s",
                         "clock_drift": "2%", "kill_allowance": "0.5s", "store": {"file": {"path": "/run/x.lease"}}},
            "workload": {"command": ["/usr/sbin/legacyd", "--foreground", 5, true, 1.5, ""],
                         "env": {"MODE": "yes", "PORT": 8080, "DEBUG": false, "EMPTY": ""},
                         "stop": {"signal": "SIGINT", "grace_period": "1m30s"}, "no_new_privs": true},
            "protection": {"scheduling": "normal", "oom_score_adj": -900, "lock_memory": "off"},
            "http": {"listen": ["127.0.0.1:9090", "[::1]:0", ":1"]},
            "logging": {"level": "debug", "format": "json"}
        })"),
    };
    const std::pair<const char*, Json> values[] = {
        {"identity", "a b"},
        {"identity", 5},
        {"election.name", 2024},
        {"election.lease_duration", "${LEASE}"},
        {"election.clock_drift", "0.25%"},
        {"election.store", {{"file", nullptr}}},
        {"election.store", {{"kubernetes", nullptr}}},
        {"election.store",
         {{"kubernetes", {{"lock", "endpoints"}, {"events", false}, {"role_label", "none"}, {"name", "n"}}}}},
        {"election.store.file.path", ""},
        {"election.store.file.path", nullptr},
        {"workload.env", nullptr},
        {"workload.env", Json::object()},
        {"workload.stop", nullptr},
        {"workload.stop.signal", 15},
        {"workload.stop.signal", "15"},
        {"workload.stop.signal", "RTMIN+3"},
        {"workload.no_new_privs", false},
        {"workload.no_new_privs", "auto"},
        {"protection", nullptr},
        {"protection.oom_score_adj", "1000"},
        {"protection.oom_score_adj", "${SCORE:-0}"},
        {"workload.signals", nullptr},
        {"workload.signals.to", "process"},
        {"workload.signals.rewrite", nullptr},
        {"workload.signals.rewrite", {{"SIGHUP", "none"}, {"12", 10}, {"QUIT", "TERM"}, {"RTMIN+3", "KILL"}}},
        {"http", nullptr},
        {"http.listen", Json::array()},
        {"logging.level", "${LEVEL:-info}"},
        {"logging", Json::object()},
    };
    for (const auto& [path, value] : values) documents.push_back(document_with(path, value));
    return documents;
}

std::vector<Json> wrong_documents() {
    std::vector<Json> documents = {
        nullptr, Json::array(), Json::object(), {{"election", Json::object()}}, {{"workload", {{"command", {"c"}}}}}};
    const std::pair<const char*, Json> values[] = {
        {"nonsense", 1},
        {"identity", ""},
        {"identity", nullptr},
        {"election", nullptr},
        {"election.name", ""},
        {"election.name", "a b"},
        {"election.name", {"a"}},
        {"election.nmae", "e"},
        {"election.lease_duration", 15},
        {"election.lease_duration", "15"},
        {"election.lease_duration", "15 s"},
        {"election.clock_drift", 0.01},
        {"election.clock_drift", "1"},
        {"election.store", Json::object()},
        {"election.store", nullptr},
        {"election.store", "file"},
        {"election.store", {{"kubernetes", {{"lock", "pod"}}}}},
        {"election.store", {{"kubernetes", {{"events", "yes"}}}}},
        {"election.store", {{"kubernetes", nullptr}, {"file", nullptr}}},
        {"election.store.file.path", "a"},
        {"election.store.file.size", 5},
        {"workload.command", "c"},
        {"workload.command", Json::array()},
        {"workload.command", {{"a", "b"}}},
        {"workload.command", {"c", nullptr}},
        {"workload.command", {"c", Json::array()}},
        {"workload.env", {"A=b"}},
        {"workload.env", {{"A", nullptr}}},
        {"workload.env", {{"A-B", "c"}}},
        {"workload.env", {{"LEASEHOLD_ROLE", "c"}}},
        {"workload.stop.signal", "TREM"},
        {"workload.stop.signal", 0},
        {"workload.stop.signal", 65},
        {"workload.stop.signal", "STOP"},
        {"workload.stop.grace_period", "soon"},
        {"workload.no_new_privs", "yes"},
        {"workload.no_new_privs", 1},
        {"protection.scheduling", "fifo"},
        {"protection.oom_score_adj", -1001},
        {"protection.oom_score_adj", 0.5},
        {"protection.oom_score_adj", "low"},
        {"protection.lock_memory", true},
        {"workload.signals.to", "everybody"},
        {"workload.signals.rewrite", "HUP"},
        {"workload.signals.rewrite", {{"HUP", nullptr}}},
        {"workload.signals.rewrite", {{"HUP", "STOP"}}},
        {"workload.signals.rewrite", {{"HUP", false}}},
        {"workload.signals.rewrite", {{"TERM", "QUIT"}}},
        {"workload.signals.rewrite", {{"KILL", "none"}}},
        {"workload.signals.rewrite", {{"CONT", "none"}}},
        {"http.listen", ":1"},
        {"http.listen", {"localhost"}},
        {"http.listen", {"::1:80"}},
        {"logging.level", "trace"},
        {"logging.format", nullptr},
        {"logging", "debug"},
    };
    for (const auto& [path, value] : values) documents.push_back(document_with(path, value));
    return documents;
}

TEST(Schema, AcceptsWhatTheReaderAccepts) {
    const Json schema = Json::parse(json_schema());
    for (const Json& document : right_documents()) {
        EXPECT_EQ(problems_in(document.dump(), {{"NAME", "n"}, {"LEASE", "20s"}}), "") << document;
        EXPECT_TRUE(accepts(schema, document)) << document;
    }
}

TEST(Schema, RefusesWhatTheReaderRefuses) {
    const Json schema = Json::parse(json_schema());
    for (const Json& document : wrong_documents()) {
        EXPECT_NE(problems_in(document.dump(), {{"NAME", "n"}, {"LEASE", "20s"}}), "") << document;
        EXPECT_FALSE(accepts(schema, document)) << document;
    }
}

TEST(Schema, DescribesEveryPropertyAndItsDefault) {
    const Json schema = Json::parse(json_schema());
    EXPECT_EQ(schema.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
    EXPECT_EQ(schema.at("required"), Json({"election"}));
    EXPECT_EQ(schema.at("additionalProperties"), false);
    const Json& election = schema.at("properties").at("election");
    EXPECT_EQ(election.at("required"), Json({"name"}));
    EXPECT_FALSE(election.at("properties").at("name").contains("default"));
    EXPECT_EQ(election.at("properties").at("lease_duration").at("default"), "15s");
    EXPECT_EQ(election.at("properties").at("clock_drift").at("default"), "1%");
    const Json& workload = schema.at("properties").at("workload").at("properties");
    EXPECT_EQ(workload.at("env").at("default"), Json::object());
    EXPECT_EQ(workload.at("stop").at("properties").at("signal").at("default"), "TERM");
    EXPECT_EQ(schema.at("properties").at("http").at("properties").at("listen").at("default"), Json({"0.0.0.0:9090"}));
    EXPECT_EQ(schema.at("properties").at("logging").at("properties").at("level").at("default"), "info");
}

TEST(Schema, PassesARealValidator) {
    if (std::system("python3 -c 'from jsonschema import Draft202012Validator' >/dev/null 2>&1") != 0) {
        GTEST_SKIP() << "Python's jsonschema is not installed";
    }
    std::string folder = (std::filesystem::temp_directory_path() / "leasehold-schema-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    std::ofstream(folder + "/schema.json") << json_schema();
    std::ofstream(folder + "/documents.json") << Json{{"right", right_documents()}, {"wrong", wrong_documents()}};
    std::ofstream(folder + "/validate.py") << R"(import json, sys
from jsonschema import Draft202012Validator as Validator
schema = json.load(open(sys.argv[1] + '/schema.json'))
documents = json.load(open(sys.argv[1] + '/documents.json'))
Validator.check_schema(schema)
validator = Validator(schema)
bad = [('refused', d) for d in documents['right'] if not validator.is_valid(d)]
bad += [('accepted', d) for d in documents['wrong'] if validator.is_valid(d)]
for b in bad: print(*b)
sys.exit(1 if bad else 0)
)";
    EXPECT_EQ(std::system(("python3 " + folder + "/validate.py " + folder).c_str()), 0);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace leasehold::config
