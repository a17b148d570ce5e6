// SPDX-License-Identifier: Apache-2.0
//
// What is asked by a probe: URLs, addresses, statuses.
#include <optional>

#include <fmt/core.h>

#include "base/whole_number.h"
#include "config/probe_keys.h"

namespace leasehold::config {
namespace {

constexpr int kLeastStatus = 100;
constexpr int kMostStatus = 599;

Form<std::string> checked_text(std::string (*problem_of)(const std::string&), const char* pattern, const char* kind) {
    Form<std::string> form;
    form.read = [problem_of](const std::string& text) -> Result<std::string> {
        if (std::string problem = problem_of(text); !problem.empty()) return failure(std::move(problem));
        return text;
    };
    form.write = [](const std::string& text) { return text; };
    form.schema = text_matching(pattern);
    form.kind = kind;
    return form;
}

// Of HOST:PORT; empty if nothing is.
std::string problem_of_authority(const std::string& authority, const char* example) {
    const auto checked = listen_address_form().read(authority);
    if (!checked) return checked.error().message.substr(0, checked.error().message.find(';')) + "; " + example;
    if (authority.front() == ':' || authority.ends_with(":0"))
        return fmt::format("has no host or no port; {}", example);
    return "";
}

std::string problem_of_url(const std::string& text) {
    constexpr const char* kExample = "write it as http://127.0.0.1:8080/health";
    if (!text.starts_with("http://") && !text.starts_with("https://")) {
        return fmt::format("begins neither with http:// nor with https://; {}", kExample);
    }
    for (const char c : text) {
        if (c <= ' ' || c > '~') return "holds a character that no URL has; write it as % and two hex digits";
    }
    if (text.find('#') != std::string::npos) return "has a fragment ('#'), which is never sent; remove it";
    const std::size_t begin = text.find("//") + 2;
    const std::string authority = text.substr(begin, text.find_first_of("/?", begin) - begin);
    if (authority.find('@') != std::string::npos) return fmt::format("holds a user or a password; {}", kExample);
    const bool has_port =
        authority.find(':', authority.rfind(']') == std::string::npos ? 0 : authority.rfind(']')) != std::string::npos;
    return problem_of_authority(has_port ? authority : authority + ":80", kExample);
}

// Names are looked up nowhere: that may take long, and the workload is on this machine as a rule.
std::string problem_of_address(const std::string& text) {
    constexpr const char* kExample = "write it as 127.0.0.1:5432, [::1]:5432 or localhost:5432";
    if (text.find("://") != std::string::npos) return fmt::format("is a URL; {}", kExample);
    if (std::string problem = problem_of_authority(text, kExample); !problem.empty()) return problem;
    const std::string host = text.substr(0, text.rfind(':'));
    const bool numeric = host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string::npos;
    if (!numeric && host != "localhost") return fmt::format("has a name, which is not looked up here; {}", kExample);
    if (host.find('%') != std::string::npos) return fmt::format("names an interface; {}", kExample);
    return "";
}

// Three digits.
std::optional<int> status_in(const std::string& text) {
    const auto status = whole_number<int>(text);
    const bool written = text.size() == 3 && status && *status >= kLeastStatus && *status <= kMostStatus;
    return written ? status : std::nullopt;
}

Result<supervisor::StatusRange> read_range(const std::string& text) {
    const std::size_t dash = text.find('-');
    const auto least = status_in(text.substr(0, dash));
    const auto most = dash == std::string::npos ? least : status_in(text.substr(dash + 1));
    if (!least || !most) {
        return failure(fmt::format("is no range of statuses between {} and {}; write one like 200-399 or 204",
                                   kLeastStatus, kMostStatus));
    }
    if (*least > *most) return failure(fmt::format("is empty; write {}-{}", *most, *least));
    return supervisor::StatusRange{*least, *most};
}

std::string write_range(const supervisor::StatusRange& range) {
    return range.least == range.most ? std::to_string(range.least) : fmt::format("{}-{}", range.least, range.most);
}

}  // namespace

Form<std::string> probe_url_form() {
    return checked_text(problem_of_url,
                        "^https?://(\\[[0-9a-fA-F:.]+(%.+)?\\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?([/?][!-~]*)?$", "URL");
}

Form<std::string> probe_address_form() {
    return checked_text(problem_of_address, "^(\\[[0-9a-fA-F:.]+\\]|[0-9.]+|localhost):[0-9]{1,5}$", "address");
}

Form<supervisor::StatusRange> status_range_form() {
    const Schema schema = number_matching("^[1-5][0-9]{2}(-[1-5][0-9]{2})?$", kLeastStatus, kMostStatus);
    return {read_range, write_range, schema, true, "number|range"};
}

}  // namespace leasehold::config
