// SPDX-License-Identifier: Apache-2.0
//
// From a YAML file to options that are valid as a whole, and back.
//
// Strict: unknown, duplicate, mistyped and missing keys and timings that cannot hold are all reported, every one of
// them in one go. `${VAR}` and `${VAR:-default}` are expanded inside scalars after parsing (so a value cannot change
// the structure of the file), `$$` is a dollar. One description of the keys (config/description.h) serves reader,
// printer and schema.
//
// Of YAML, aliases are understood; tags, merge keys and further documents are refused. Values are text until their key
// says what they are, so `0755` and `yes` mean what they say. Size, depth and what aliases multiply to are bounded.
//
// Threads: none; functions are re-entrant. Blocking: load_file reads a local file. Throws nothing but std::bad_alloc.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"

namespace leasehold::config {

// One thing that is wrong. Line and column count from 1; 0 when the problem has no place in the file.
struct Problem {
    int line = 0;
    int column = 0;
    std::string path;     // "election.lease_duration"; empty for the file as a whole
    std::string message;  // what is wrong; what was meant

    // "<file>:<line>:<column>: <path>: <message>", without the parts that are missing.
    std::string text(const std::string& file) const;
};

struct Loaded {
    Options options;                // meaningful only when there are no problems
    std::vector<Problem> problems;  // in the order of the file
};

// The value of an environment variable, or nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

struct LoadSettings {
    Environment environment;        // for expansion
    bool command_optional = false;  // a command given on the command line replaces workload.command
};

// Files over one megabyte, files that are not UTF-8 (a byte order mark is fine) and what is not a regular file are
// refused as a whole; so is "-", standard input is not supported.
Loaded load_file(const std::string& file, const LoadSettings& settings);
Loaded load_text(std::string_view text, const LoadSettings& settings);

// The options as YAML with every default filled in, each value in the form in which load_text reads it back to equal
// options (dollars are doubled). With `mask_secrets`, values of secret keys are replaced by "***".
std::string to_yaml(const Options& options, bool mask_secrets);

// The JSON Schema (draft 2020-12) of the file.
std::string json_schema();

}  // namespace leasehold::config
