// SPDX-License-Identifier: Apache-2.0
//
// Where a ZooKeeper ensemble is, and where in it.
#include <algorithm>

#include <fmt/core.h>

#include "config/forms.h"

namespace leasehold::config {
namespace {

std::string problem_of_server(const std::string& text) {
    constexpr const char* kExample = "write it as 10.0.0.1:2181";
    if (text.find(',') != std::string::npos) return "holds several; make each an item of the list";
    if (text.find("://") != std::string::npos) return fmt::format("is a URL; {}", kExample);
    if (text.find('/') != std::string::npos) {
        return "ends with a path; write a chroot as the beginning of election.store.zookeeper.path";
    }
    const auto checked = listen_address_form().read(text);
    if (!checked) return checked.error().message.substr(0, checked.error().message.find(';')) + "; " + kExample;
    if (text.front() == ':' || text.ends_with(":0")) return fmt::format("has no host or no port; {}", kExample);
    return "";
}

// What ZooKeeper itself refuses, and its own znodes.
std::string problem_of_path(const std::string& text) {
    if (text.empty() || text.front() != '/') return "is not an absolute path; begin it with '/'";
    if (text == "/") return "";
    if (text.back() == '/') return "must not end with '/'";
    if (text.size() > 1000) return "is longer than 1000 bytes";
    if (text == "/zookeeper" || text.starts_with("/zookeeper/")) return "is ZooKeeper's own; choose another";
    for (const char c : text) {
        if (c < ' ' || c == 0x7f) return "may hold only printable ASCII characters";
    }
    for (std::size_t begin = 1; begin <= text.size();) {
        const std::size_t end = std::min(text.find('/', begin), text.size());
        const std::string name = text.substr(begin, end - begin);
        if (name.empty()) return "has an empty name between two '/'";
        if (name == "." || name == "..") return "must not have '.' or '..' as a name";
        begin = end + 1;
    }
    return "";
}

Form<std::string> text_with(std::string (*problem_of)(const std::string&), const char* pattern, const char* kind) {
    Form<std::string> form;
    form.read = [problem_of](const std::string& text) -> Result<std::string> {
        if (const std::string problem = problem_of(text); !problem.empty()) return failure(problem);
        return text;
    };
    form.write = [](const std::string& text) { return text; };
    form.schema = text_matching(pattern);
    form.kind = kind;
    return form;
}

}  // namespace

Form<std::string> server_form() {
    return text_with(problem_of_server, "^(\\[[0-9a-fA-F:.]+(%.+)?\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$", "address");
}

Form<std::string> znode_path_form() { return text_with(problem_of_path, "^/([ -.0-~]+(/[ -.0-~]+)*)?$", "path"); }

}  // namespace leasehold::config
