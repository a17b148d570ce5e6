// SPDX-License-Identifier: Apache-2.0
//
// The JSON Schema of the file. It accepts all that the reader accepts, but cannot refuse all that the reader refuses:
// timings that do not fit together are beyond it, and values that hold a variable are checked once that is known.
#include <string>

#include "config/description.h"

namespace leasehold::config {
namespace {

Json default_of(const Key& key, const std::vector<Entry>& entries) {
    if (key.shape == Shape::scalar) return entries.front().text;
    Json value = key.shape == Shape::list ? Json::array() : Json::object();
    for (const Entry& entry : entries) {
        if (key.shape == Shape::list) {
            value.push_back(entry.text);
        } else {
            value[entry.name] = entry.text;
        }
    }
    return value;
}

Json schema_of_key(const Key& key, const Options& defaults) {
    Json schema = {{"description", key.help}};
    schema.update(key.schema());
    if (key.secret) schema["writeOnly"] = true;
    const std::vector<Entry> entries = key.entries(defaults);
    const bool has_default = key.shape == Shape::scalar ? !entries.empty() : key.need == Need::optional;
    if (has_default) schema["default"] = default_of(key, entries);
    return schema;
}

// Whether the section cannot be left empty.
bool is_needed(const Description& all, const std::string& path) {
    for (const Key& key : all.keys) {
        if (key.need == Need::required && key.path.starts_with(path + '.')) return true;
    }
    return false;
}

Json schema_of_section(const Description& all, const Section& section, const Options& defaults) {
    Json properties = Json::object();
    Json required = Json::array();
    for (const std::string& name : all.children(section.path)) {
        const std::string path = below(section.path, name);
        const Key* key = all.key(path);
        properties[name] =
            key != nullptr ? schema_of_key(*key, defaults) : schema_of_section(all, *all.section(path), defaults);
        if (key != nullptr ? key->need == Need::required : is_needed(all, path)) required.push_back(name);
    }
    Json schema;
    if (!section.help.empty()) schema["description"] = section.help;
    const bool may_be_null = required.empty() && !section.exactly_one && !section.path.empty();
    schema["type"] = may_be_null ? Json{"object", "null"} : Json("object");
    schema["properties"] = properties;
    if (!required.empty()) schema["required"] = required;
    if (section.exactly_one) schema.update({{"minProperties", 1}, {"maxProperties", 1}});
    schema["additionalProperties"] = false;
    return schema;
}

}  // namespace

Json schema_of(const Description& description) {
    Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "leasehold configuration"}};
    schema.update(schema_of_section(description, {}, Options{}));
    return schema;
}

}  // namespace leasehold::config
