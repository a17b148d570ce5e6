// SPDX-License-Identifier: Apache-2.0
//
// Makes keys of the description out of a form and the place of the value in the options.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/description.h"
#include "config/forms.h"

namespace leasehold::config {

// A list in braces would copy each of them, and all of them are made at every start.
template <class... Key>
std::vector<config::Key> key_list(Key&&... keys) {
    std::vector<config::Key> all;
    all.reserve(sizeof...(keys));
    (all.push_back(std::forward<Key>(keys)), ...);
    return all;
}

// The kind of a list or mapping of what is of this kind.
inline std::string kind_in(Shape shape, const std::string& kind) {
    if (shape == Shape::list) return '[' + kind + ", ...]";
    return shape == Shape::mapping ? "{name: " + kind + ", ...}" : kind;
}

// `field` returns a reference to a member, of an options object constant or not. `put` puts a value there.
template <class T, class Field, class Put>
Key make_key(std::string path, std::string help, Shape shape, const Form<T>& form, Field field, Put put) {
    Key key;
    key.path = std::move(path);
    key.help = std::move(help);
    key.kind = kind_in(shape, form.kind);
    key.shape = shape;
    key.plain = form.plain;
    key.add = [read = form.read, field, put](Options& options, const Entry& entry) -> Result<void> {
        auto value = read(entry.text);
        if (!value) return tl::unexpected(value.error());
        put(field(options), entry.name, std::move(*value));
        return {};
    };
    return key;
}

template <class T, class Field>
Key scalar_key(std::string path, std::string help, const Form<T>& form, Field field) {
    const auto put = [](T& member, const std::string&, T value) { member = std::move(value); };
    Key key = make_key(std::move(path), std::move(help), Shape::scalar, form, field, put);
    key.schema = form.schema;
    key.clear = [](Options&) {};
    key.entries = [write = form.write, field](const Options& options) {
        std::string text = write(field(options));
        return text.empty() ? std::vector<Entry>{} : std::vector<Entry>{{"", std::move(text)}};
    };
    return key;
}

template <class T, class Field>
Key list_key(std::string path, std::string help, const Form<T>& form, Field field) {
    const auto put = [](auto& member, const std::string&, T value) { member.push_back(std::move(value)); };
    Key key = make_key(std::move(path), std::move(help), Shape::list, form, field, put);
    key.schema = [items = form.schema]() -> Json { return {{"type", "array"}, {"items", items()}}; };
    key.clear = [field](Options& options) { field(options).clear(); };
    key.entries = [write = form.write, field](const Options& options) {
        std::vector<Entry> entries;
        for (const T& value : field(options)) entries.push_back({"", write(value)});
        return entries;
    };
    return key;
}

// A command and its arguments, executed without a shell. It may be left empty, but not its first word.
template <class Field>
Key command_key(std::string path, std::string help, Field field) {
    Key key = list_key(std::move(path), std::move(help), argument_form(), field);
    key.example = "[/usr/bin/program, --flag]";
    key.add = [field, add = key.add](Options& options, const Entry& entry) -> Result<void> {
        if (field(options).empty() && entry.text.empty()) return failure("is empty; it is the program to run");
        return add(options, entry);
    };
    return key;
}

template <class T, class Field>
Key mapping_key(std::string path, std::string help, const Form<std::string>& names, const Form<T>& form, Field field) {
    const auto put = [](auto& member, const std::string& name, T value) { member[name] = std::move(value); };
    Key key = make_key(std::move(path), std::move(help), Shape::mapping, form, field, put);
    key.schema = mapping_schema(names.schema, form.schema);
    key.clear = [field](Options& options) { field(options).clear(); };
    key.check_name = [read = names.read](const std::string& name) -> Result<void> {
        return read(name).map([](const std::string&) {});
    };
    key.entries = [write = form.write, field](const Options& options) {
        std::vector<Entry> entries;
        for (const auto& [name, value] : field(options)) entries.push_back({name, write(value)});
        return entries;
    };
    return key;
}

}  // namespace leasehold::config
