// SPDX-License-Identifier: Apache-2.0
//
// The one description of the file's keys. The reader (config/reader.h), the printer (to_yaml) and the JSON Schema are
// all derived from it, so none of them can know a key that the others do not.
//
// To add a key: a member in its room's options header, and a line in description.cpp or store_keys.cpp.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "config/forms.h"
#include "config/options.h"

namespace leasehold::config {

enum class Shape { scalar, list, mapping };  // list and mapping are of scalars
enum class Need { optional, required, unless_on_command_line };

// One scalar of a value: the value itself, an item of a list, or a value of a mapping with its name.
struct Entry {
    std::string name;  // in mappings
    std::string text;

    friend bool operator==(const Entry&, const Entry&) = default;
};

struct Key {
    std::string path{};  // "election.lease_duration"
    std::string help{};  // one sentence
    std::string kind{};  // of the value, for people: "duration", "[path, ...]", "{name: text, ...}"
    Shape shape = Shape::scalar;
    Need need = Need::optional;
    bool secret = false;    // neither printed by to_yaml nor quoted in a problem
    bool plain = false;     // needs no quotes, whatever it says
    std::string example{};  // as YAML, for a message
    Schema schema{};        // of the value as a whole, without help and default

    // The default of a list or mapping is dropped by clear(), then every entry goes through add(). Errors continue a
    // sentence that begins with the entry's text; those of check_name with its name.
    std::function<void(Options&)> clear{};
    std::function<Result<void>(Options&, const Entry&)> add{};
    std::function<Result<void>(const std::string& name)> check_name{};

    // What would be added to get the value that stands in the options. A scalar that is unset has none.
    std::function<std::vector<Entry>(const Options&)> entries{};

    // For a default that depends on other keys: sets it if the value is unset. May be empty.
    std::function<void(Options&)> derive{};
};

// A mapping that holds keys or further sections.
struct Section {
    std::string path{};
    std::string help{};
    bool exactly_one = false;  // of its children must be given, if it is given
    std::string example{};     // as YAML, for a message

    // For a child of a section of which exactly one is to be given, and for what is not there unless it is given; both
    // or neither. What is not in use is neither printed nor given defaults.
    std::function<void(Options&)> choose{};
    std::function<bool(const Options&)> in_use{};
};

struct Description {
    std::vector<Section> sections;  // a section stands before its children, parents before children
    std::vector<Key> keys;

    const Section* section(std::string_view path) const;
    const Key* key(std::string_view path) const;

    // Whether the key or section counts, given which sections were chosen.
    bool in_use(std::string_view path, const Options& options) const;

    // The names right below a section ("" for the whole file), sections and keys, in the order of the description.
    std::vector<std::string> children(std::string_view section) const;
};

// The description of config::Options. Made on the first call; may be called from any thread.
const Description& description();

// "election" + "name" is "election.name"; below the whole file ("") a name is a path.
std::string below(std::string_view section, std::string_view name);
std::string parent_of(std::string_view path);

// What the public functions of config.h do with description(), for any description.
Loaded load_text(const Description& description, std::string_view text, const LoadSettings& settings);
std::string to_yaml(const Description& description, const Options& options, bool mask_secrets);
Json schema_of(const Description& description);

}  // namespace leasehold::config
