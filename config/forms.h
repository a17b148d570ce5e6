// SPDX-License-Identifier: Apache-2.0
//
// The forms that values take in the file: how text becomes a value, how a value becomes text, and what a JSON Schema
// says about it. Each is used through the description (config/description.h). Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "base/time.h"
#include "supervisor/options.h"

namespace leasehold::config {

using Json = nlohmann::ordered_json;

// Of a value in JSON Schema. It is made when somebody asks for it: no run of a workload ever does, and it is most of
// what the description would cost its start.
using Schema = std::function<Json()>;

// The same, with something of it changed.
template <class Change>
Schema changed(Schema schema, Change change) {
    return [schema = std::move(schema), change]() -> Json {
        Json made = schema();
        change(made);
        return made;
    };
}

// Of text, and of text or numbers, that a regular expression matches, or that names a variable.
Schema text_matching(std::string pattern);
Schema number_matching(std::string pattern, int least, std::optional<int> most = {});

// Of a mapping; and of what may be written as a truth of YAML's as well.
Schema mapping_schema(Schema names, Schema values);
Schema or_boolean(Schema schema);

template <class T>
struct Form {
    // An error continues a sentence that begins with the text: "'15' ..." "has no unit; write 15s".
    std::function<Result<T>(const std::string& text)> read;
    std::function<std::string(const T& value)> write;  // read(write(value)) == value
    Schema schema;
    bool plain = false;         // no text of this form means anything but text in YAML, so it needs no quotes
    std::string kind = "text";  // what it is, for people: "duration"; all words if there are few: "text|json"
};

Form<std::string> identity_form();        // of a candidate
Form<std::string> election_name_form();   // also serves as a file name
Form<std::string> absolute_path_form();   // of a file; may be empty
Form<std::string> argument_form();        // of a program; may be empty
Form<std::string> variable_name_form();   // of the environment, not one that leasehold sets
Form<std::string> variable_value_form();  // of the environment; may be empty
Form<std::string> endpoint_form();        // "https://10.0.0.1:2379", without a path
Form<std::string> server_form();          // "10.0.0.1:2181", "[::1]:2181"
Form<std::string> znode_path_form();      // "/leasehold"; "/" is the root
Form<std::string> listen_address_form();  // "127.0.0.1:9090", "[::]:9090", ":9090", "localhost:0"
Form<Duration> duration_form();           // "1m30s", at most a year; zero is one
Form<Duration> positive_duration_form();
Form<Duration> duration_form_of(Duration at_least);
Form<double> percentage_form(int at_most);  // "1.25%" is 0.0125; four decimals of a percent are kept
Form<int> integer_form(int least, int most);
Form<bool> boolean_form();
Form<int> size_form(int least, int most);                        // bytes: "65536", "64K", "1M"
Form<std::string> prefix_form();                                 // of lines; may be empty
Form<std::optional<int>> inheritable_form(int least, int most);  // or "inherit", which is nothing
Form<std::optional<int>> umask_form();                           // "022", or "inherit"
Form<std::string> account_form();                                // a user or a group, or a number; may be empty
Form<std::string> limit_name_form();                             // "nofile"
Form<supervisor::LimitRange> limit_form();                       // "1024", "64K", "unlimited", "512:unlimited"
Form<std::string> kubernetes_name_form();                        // of an object; may be empty
Form<std::string> kubernetes_namespace_form();                   // may be empty
Form<std::string> kubernetes_label_form();                       // a label's key; empty is written as none
Form<std::string> kubernetes_owner_form();                       // "apps/v1/Deployment/billing/<uid>"; may be empty
Form<int> stop_signal_form();                                    // "TERM", "SIGTERM", "RTMIN+3", "15"
Form<int> received_signal_form();   // the same, of those that leasehold hands on and need not as they are
Form<int> handed_on_signal_form();  // as stop_signal_form(), or "none", which is 0

// One of a few words. REQUIRES: `words` names every value of T.
template <class T>
Form<T> choice_form(std::vector<std::pair<std::string, T>> words);

// Implementation of choice_form, without the type.
Result<std::size_t> index_of(const std::string& text, const std::vector<std::string>& words);
Schema choice_schema(const std::vector<std::string>& words);
std::string choice_kind(const std::vector<std::string>& words);

template <class T>
Form<T> choice_form(std::vector<std::pair<std::string, T>> words) {
    std::vector<std::string> names;
    for (const auto& [name, value] : words) names.push_back(name);
    const auto read = [words, names](const std::string& text) {
        return index_of(text, names).map([&words](std::size_t index) { return words[index].second; });
    };
    const auto write = [words](const T& value) {
        for (const auto& [name, candidate] : words) {
            if (candidate == value) return name;
        }
        return std::string();
    };
    return {read, write, choice_schema(names), true, choice_kind(names)};
}

}  // namespace leasehold::config
