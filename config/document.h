// SPDX-License-Identifier: Apache-2.0
//
// YAML text as a tree of nodes, with the place of each. The only user of yaml-cpp.
//
// Scalars stay text: whether `0755` or `yes` is a number or a truth is for the reader of a key to say, not for YAML.
// Aliases are filled in by copies. Size and depth are bounded whatever the text says. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace leasehold::config {

// Where a node begins: its byte offset and, for messages, its line, counted from 1.
struct Mark {
    std::size_t offset = 0;
    int line = 1;
};

struct Node {
    enum class Kind { null, scalar, sequence, mapping };

    Kind kind = Kind::null;
    Mark mark{};
    std::string text{};         // of a scalar
    std::string tag{};          // as it was written, "!!binary"; empty when there is none
    std::vector<Node> keys{};   // of a mapping: in the order of the file, duplicates included
    std::vector<Node> items{};  // of a sequence; of a mapping: items[i] is the value of keys[i]
};

struct SyntaxError {
    Mark mark{};
    std::string message;
};

// The one document in `text`. REQUIRES: check_text(text) found nothing and there is no byte order mark.
tl::expected<Node, SyntaxError> parse_document(std::string_view text);

}  // namespace leasehold::config
