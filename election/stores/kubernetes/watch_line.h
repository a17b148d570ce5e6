// SPDX-License-Identifier: Apache-2.0
//
// One line of a watch (kubernetes.io: "Efficient detection of changes"). Pure. Never throws, whatever the text is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace leasehold::stores::kubernetes {

struct WatchLine {
    enum class Kind {
        changed,   // added or modified
        deleted,   // the object, as it was
        bookmark,  // or anything else that has a version and is no news
        expired,   // the watch is over: what came after its position is forgotten (410)
        error,     // the watch is over
    };
    Kind kind = Kind::bookmark;
    nlohmann::json object;
    std::string version;  // the resourceVersion; empty if there is none, or none that can stand in a URL as it is
};

// Nothing when it is no such line.
std::optional<WatchLine> parse_watch_line(std::string_view text);

}  // namespace leasehold::stores::kubernetes
