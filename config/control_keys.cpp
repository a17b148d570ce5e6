// SPDX-License-Identifier: Apache-2.0
#include "config/control_keys.h"

#include <fmt/core.h>

#include "config/key_makers.h"

namespace leasehold::config {
namespace {

constexpr std::size_t kLongestSocketPath = 107;  // unix(7): 108 bytes with the NUL at the end

// Empty is written as none.
Form<std::string> socket_path_form() {
    Form<std::string> form = absolute_path_form();
    form.schema = changed(form.schema, [](Json& schema) {
        schema["pattern"] = "^(none|" + schema["pattern"].get<std::string>().substr(2);
    });
    form.write = [](const std::string& path) { return path.empty() ? "none" : path; };
    form.read = [read = form.read](const std::string& text) -> Result<std::string> {
        if (text == "none") return std::string();
        if (text.size() > kLongestSocketPath) {
            return failure(fmt::format("is longer than the {} bytes that a socket may have; choose a shorter path",
                                       kLongestSocketPath));
        }
        return read(text);
    };
    return form;
}

}  // namespace

std::vector<Key> control_keys() {
    return {scalar_key(
        "control.socket", "Path of the socket by which the commands reach a running leasehold; none for none.",
        socket_path_form(), [](auto& o) -> auto& { return o.control.socket; })};
}

}  // namespace leasehold::config
