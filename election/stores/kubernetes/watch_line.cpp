// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/watch_line.h"

#include "election/stores/json_fields.h"

namespace leasehold::stores::kubernetes {
namespace {

using Json = nlohmann::json;
using Kind = WatchLine::Kind;

Kind kind_of(const std::string& type, const Json& object) {
    if (type == "ERROR") return member(object, "code") == 410 ? Kind::expired : Kind::error;
    if (type == "ADDED" || type == "MODIFIED") return Kind::changed;
    return type == "DELETED" ? Kind::deleted : Kind::bookmark;
}

// Opaque, says the API; but what goes back into a URL is not for a server to make up.
bool is_plain(const std::string& version) {
    static constexpr std::string_view kPlain = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~";
    return version.find_first_not_of(kPlain) == std::string::npos;
}

}  // namespace

std::optional<WatchLine> parse_watch_line(std::string_view text) {
    Json event = parse_server_json(text);
    const Json& type = member(event, "type");
    if (!type.is_string() || !member(event, "object").is_object()) return std::nullopt;
    WatchLine line;
    line.object = std::move(event["object"]);
    line.kind = kind_of(type.get<std::string>(), line.object);
    const Json& version = member(member(line.object, "metadata"), "resourceVersion");
    if (version.is_string() && is_plain(version.get<std::string>())) line.version = version.get<std::string>();
    return line;
}

}  // namespace leasehold::stores::kubernetes
