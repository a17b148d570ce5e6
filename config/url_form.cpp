// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "config/forms.h"

namespace leasehold::config {
namespace {

// What is wrong with it; empty if nothing is.
std::string problem_of(const std::string& text) {
    constexpr const char* kExample = "write it as https://10.0.0.1:2379";
    const bool plain = text.starts_with("http://");
    if (!plain && !text.starts_with("https://")) {
        return fmt::format("begins neither with https:// nor with http://; {}", kExample);
    }
    const std::string address = text.substr(text.find("//") + 2);
    if (address.find_first_of("/?#") != std::string::npos) return fmt::format("has a path; {}", kExample);
    if (address.find('@') != std::string::npos) return fmt::format("holds a user or a password; {}", kExample);
    const auto checked = listen_address_form().read(address);
    if (!checked) return checked.error().message.substr(0, checked.error().message.find(';')) + "; " + kExample;
    if (address.front() == ':' || address.ends_with(":0")) return fmt::format("has no host or no port; {}", kExample);
    return "";
}

}  // namespace

Form<std::string> endpoint_form() {
    Form<std::string> form;
    form.read = [](const std::string& text) -> Result<std::string> {
        if (const std::string problem = problem_of(text); !problem.empty()) return failure(problem);
        return text;
    };
    form.write = [](const std::string& text) { return text; };
    form.schema = text_matching("^https?://(\\[[0-9a-fA-F:.]+(%.+)?\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$");
    form.kind = "URL";
    return form;
}

}  // namespace leasehold::config
