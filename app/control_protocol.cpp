// SPDX-License-Identifier: Apache-2.0
#include "app/control_protocol.h"

#include <array>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "config/forms.h"
#include "election/stores/json_fields.h"

namespace leasehold::app {
namespace {

constexpr std::array<std::pair<ControlCommand, const char*>, 6> kCommands = {{{ControlCommand::status, "status"},
                                                                              {ControlCommand::resign, "resign"},
                                                                              {ControlCommand::pause, "pause"},
                                                                              {ControlCommand::resume, "resume"},
                                                                              {ControlCommand::restart, "restart"},
                                                                              {ControlCommand::reload, "reload"}}};

constexpr std::array<std::pair<ControlAnswer::Kind, const char*>, 3> kResults = {
    {{ControlAnswer::Kind::done, "done"},
     {ControlAnswer::Kind::refused, "refused"},
     {ControlAnswer::Kind::not_understood, "not_understood"}}};

template <class Table>
auto named(const Table& table, std::string_view name) -> std::optional<decltype(table[0].first)> {
    for (const auto& [value, known] : table) {
        if (name == known) return value;
    }
    return std::nullopt;
}

template <class Table, class Value>
const char* name_in(const Table& table, Value value) {
    for (const auto& [known, name] : table) {
        if (known == value) return name;
    }
    return "?";
}

// Whatever a name brought along, the answer is one line of JSON.
std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n'; }

std::string unknown_member(const nlohmann::json& object, ControlCommand command) {
    for (const auto& [name, value] : object.items()) {
        const bool known =
            name == "version" || name == "command" || (name == "successor" && command == ControlCommand::resign);
        if (!known) return name;
    }
    return {};
}

}  // namespace

const char* name_of(ControlCommand command) { return name_in(kCommands, command); }

std::string to_line(const ControlRequest& request) {
    Json json = {{"version", kControlVersion}, {"command", name_of(request.command)}};
    if (!request.successor.empty()) json["successor"] = request.successor;
    return line_of(json);
}

Result<ControlRequest> parse_request(std::string_view line) {
    std::string problem;
    const auto document = stores::parse_json(line, problem);
    if (!document) return failure("the request cannot be read: " + problem);
    if (!document->is_object()) return failure("the request is JSON, but not an object");
    stores::JsonFields fields(*document, "", problem);
    const std::uint64_t version = fields.number("version", 0, INT32_MAX);
    if (problem.empty() && version != kControlVersion) {
        return failure(fmt::format("the request is of version {}, and this leasehold knows version {} only", version,
                                   kControlVersion));
    }
    const std::string name = fields.text("command");
    ControlRequest request;
    if (fields.has("successor")) request.successor = fields.text("successor");
    if (!problem.empty()) return failure("the request cannot be understood: " + problem);
    const auto command = named(kCommands, name);
    if (!command) return failure("this leasehold knows no command \"" + name + '"');
    request.command = *command;
    if (const std::string unknown = unknown_member(*document, *command); !unknown.empty()) {
        return failure(fmt::format("this leasehold knows no \"{}\" of the command {}", unknown, name));
    }
    if (document->contains("successor")) {
        if (const auto identity = config::identity_form().read(request.successor); !identity) {
            return failure(fmt::format("'{}' {}", request.successor, identity.error().message));
        }
    }
    return request;
}

std::string to_line(const ControlAnswer& answer) {
    return line_of({{"version", kControlVersion},
                    {"result", name_in(kResults, answer.kind)},
                    {"message", answer.message},
                    {"status", answer.status}});
}

Result<ControlAnswer> parse_answer(std::string_view line) {
    const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    const auto text = [&](const char* key) {
        return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
    };
    const auto kind = named(kResults, text("result"));
    if (!kind) return failure("what it answers is not understood; is it another version of leasehold?");
    ControlAnswer answer{*kind, text("message"), nullptr};
    if (json.contains("status")) answer.status = json["status"];
    return answer;
}

}  // namespace leasehold::app
