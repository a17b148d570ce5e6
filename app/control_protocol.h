// SPDX-License-Identifier: Apache-2.0
//
// What is said over the control socket: one line with a JSON object each way, then the connection is closed.
//
//   {"version":1,"command":"resign","successor":"db2"}
//   {"version":1,"result":"done","message":"...","status":{...}}
//
// command     status, resign, pause, resume, restart or reload; only resign knows `successor`, which may be missing
// result      done; refused: not possible now, and nothing was done; or not_understood: the request is none
// message     one sentence for people
// status      as /status tells it, after the command; null when it was not understood
//
// Strict: what is not known in a request is refused, because to ignore it might do something else than was asked for. A
// version that changes what a request means gets another number.
//
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace leasehold::app {

using Json = nlohmann::ordered_json;

inline constexpr int kControlVersion = 1;
inline constexpr std::size_t kLongestRequest = 4096;  // bytes, with the line feed

enum class ControlCommand { status, resign, pause, resume, restart, reload };
const char* name_of(ControlCommand command);

struct ControlRequest {
    ControlCommand command = ControlCommand::status;
    std::string successor = {};
};
std::string to_line(const ControlRequest& request);  // with the line feed; so is the other
Result<ControlRequest> parse_request(std::string_view line);

struct ControlAnswer {
    enum class Kind { done, refused, not_understood };
    Kind kind = Kind::done;
    std::string message = {};
    Json status = nullptr;
};
std::string to_line(const ControlAnswer& answer);
Result<ControlAnswer> parse_answer(std::string_view line);

}  // namespace leasehold::app
