// SPDX-License-Identifier: Apache-2.0
#include "config/forms.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "config/nearest.h"
#include "config/text.h"

namespace leasehold::config {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kLongestName = 253;      // of a DNS name, and of an object in Kubernetes
constexpr std::size_t kLongestFileName = 240;  // of 255 bytes: neighbours of the file have longer names
constexpr std::size_t kLongestPath = 4095;     // PATH_MAX without its final NUL

bool consists_of(std::string_view text, std::string_view characters) {
    return text.find_first_not_of(characters) == std::string_view::npos;
}

bool contains(std::string_view characters, char c) { return characters.find(c) != std::string_view::npos; }

// A value that names a variable is checked once it is expanded, and not by an editor that knows only the schema.
constexpr const char* kOrVariable = "|\\$\\{";

// YAML makes numbers and truths of plain 8080 and true, which are text here.
Json text_schema() { return {{"type", {"string", "number", "boolean"}}}; }

Schema pattern_schema(const std::string& pattern) { return text_matching("^(" + pattern + ")$"); }

// A form of text that `problem` finds nothing wrong with.
Form<std::string> text_form(std::function<std::string(const std::string&)> problem, Schema schema,
                            std::string kind = "text") {
    const auto read = [problem = std::move(problem)](const std::string& text) -> Result<std::string> {
        if (std::string found = problem(text); !found.empty()) return failure(std::move(found));
        return text;
    };
    return {read, [](const std::string& value) { return value; }, std::move(schema), false, std::move(kind)};
}

bool has_nul(const std::string& text) { return contains(text, '\0'); }

}  // namespace

Schema text_matching(std::string pattern) {
    return [pattern = std::move(pattern)]() -> Json {
        return {{"type", "string"}, {"pattern", pattern + kOrVariable}};
    };
}

Schema number_matching(std::string pattern, int least, std::optional<int> most) {
    return [pattern = std::move(pattern), least, most] {
        Json schema = {{"type", {"string", "integer"}}, {"pattern", pattern + kOrVariable}, {"minimum", least}};
        if (most) schema["maximum"] = *most;
        return schema;
    };
}

Schema mapping_schema(Schema names, Schema values) {
    return [names = std::move(names), values = std::move(values)]() -> Json {
        return {{"type", {"object", "null"}}, {"propertyNames", names()}, {"additionalProperties", values()}};
    };
}

Schema or_boolean(Schema schema) {
    return changed(std::move(schema), [](Json& made) { made["anyOf"].push_back({{"type", "boolean"}}); });
}

Form<std::string> identity_form() {
    const auto add_pattern = [](Json& schema) {
        schema["pattern"] = fmt::format("^[^\\u0000-\\u001f\\u007f]{{1,{}}}${}", kLongestName, kOrVariable);
    };
    return text_form(
        [](const std::string& text) -> std::string {
            if (text.empty()) return "is empty; write a name, or remove the key to have one made";
            // Nobody would know it again in a record, whose JSON holds nothing else.
            if (first_malformed(text)) return "is not UTF-8";
            if (characters(text) > kLongestName) return fmt::format("is longer than {} characters", kLongestName);
            if (has_control_character(text)) return "holds a control character";
            return "";
        },
        changed(text_schema, add_pattern));
}

Form<std::string> election_name_form() {
    const auto add_pattern = [](Json& schema) {
        schema["pattern"] = fmt::format("^[A-Za-z0-9][A-Za-z0-9._-]{{0,{}}}${}", kLongestName - 1, kOrVariable);
    };
    return text_form(
        [](const std::string& text) -> std::string {
            const std::string alphanumeric = std::string(kLetters) + std::string(kDigits);
            if (text.empty()) return "is empty; write the name of the lock that the candidates share";
            if (text.size() > kLongestName) return fmt::format("is longer than {} characters", kLongestName);
            if (!consists_of(text, alphanumeric + "._-")) return "may hold only letters, digits, '.', '_' and '-'";
            if (!contains(alphanumeric, text.front())) return "must begin with a letter or a digit";
            return "";
        },
        changed(text_schema, add_pattern));
}

Form<std::string> absolute_path_form() {
    return text_form(
        [](const std::string& text) -> std::string {
            if (text.empty()) return "";
            if (text.front() != '/') return "is not an absolute path; begin it with '/'";
            if (text.back() == '/') return "names a folder; name a file in it";
            if (has_nul(text)) return "holds a NUL character";
            if (text.size() > kLongestPath) return fmt::format("is longer than {} bytes", kLongestPath);
            if (text.size() - text.rfind('/') - 1 > kLongestFileName) {
                return fmt::format("names a file with more than {} bytes; choose a shorter name", kLongestFileName);
            }
            return "";
        },
        pattern_schema("(/[\\s\\S]*[^/])?"), "path");
}

Form<std::string> argument_form() {
    return text_form([](const std::string& text) { return has_nul(text) ? "holds a NUL character" : ""; }, text_schema);
}

Form<std::string> prefix_form() {
    static constexpr std::size_t kLongestPrefix = 1000;
    return text_form(
        [](const std::string& text) -> std::string {
            if (has_nul(text) || contains(text, '\n')) return "holds a NUL character or a newline";
            return text.size() > kLongestPrefix ? fmt::format("is longer than {} bytes", kLongestPrefix) : "";
        },
        text_schema);
}

Form<std::string> variable_value_form() { return argument_form(); }

Form<std::string> variable_name_form() {
    return text_form(
        [](const std::string& text) -> std::string {
            if (text.empty() || contains(kDigits, text.front()) ||
                !consists_of(text, std::string(kLetters) + std::string(kDigits) + "_")) {
                return "is not a name for a variable; use letters, digits and '_', and no digit first";
            }
            if (text.starts_with("LEASEHOLD_")) return "is set by leasehold itself; choose another name";
            return "";
        },
        []() -> Json {
            return {{"pattern", "^(?!LEASEHOLD_)[A-Za-z_][A-Za-z0-9_]*$"}};
        });
}

// Which there are is for the machine to say that the workload runs on (app/workload_process.h).
Form<std::string> account_form() {
    constexpr const char* kNever = ": /\t\n\r";
    return text_form(
        [](const std::string& text) {
            const bool good = text.find_first_of(kNever) == std::string::npos;
            return good ? "" : "is no name of a user or a group, and no number";
        },
        number_matching("^[^: /\\t\\n\\r]*$", 0), "name|number");
}

Form<std::string> listen_address_form() {
    return text_form(
        [](const std::string& text) -> std::string {
            constexpr const char* kExamples = "write HOST:PORT, such as 0.0.0.0:9090, [::]:9090 or :9090";
            const std::size_t colon = text.rfind(':');
            if (colon == std::string::npos) return fmt::format("has no port; {}", kExamples);
            const std::string host = text.substr(0, colon);
            const std::string port = text.substr(colon + 1);
            int number = 0;
            const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
            if (port.empty() || !consists_of(port, kDigits) || error != std::errc() || number > 65535) {
                return fmt::format("has no port from 0 to 65535; {}", kExamples);
            }
            if (host.starts_with('[')) {
                const std::string address = host.ends_with(']') ? host.substr(1, host.size() - 2) : "";
                const bool valid = address.find(':') != std::string::npos &&
                                   consists_of(address.substr(0, address.find('%')), "0123456789abcdefABCDEF:.");
                return valid ? "" : fmt::format("has no IPv6 address between '[' and ']'; {}", kExamples);
            }
            if (contains(host, ':')) return fmt::format("needs '[' and ']' around an IPv6 address; {}", kExamples);
            if (!consists_of(host, std::string(kLetters) + std::string(kDigits) + ".-")) {
                return fmt::format("has a host that is neither a name nor an address; {}", kExamples);
            }
            return "";
        },
        pattern_schema("(\\[[0-9a-fA-F:.]+(%.+)?\\]|[A-Za-z0-9.-]*):[0-9]{1,5}"), "address");
}

Form<bool> boolean_form() {
    Form<bool> form = choice_form<bool>({{"true", true}, {"false", false}});
    form.schema = or_boolean(form.schema);
    return form;
}

Result<std::size_t> index_of(const std::string& text, const std::vector<std::string>& words) {
    const auto found = std::find(words.begin(), words.end(), text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    return failure(fmt::format("is not one of {}", fmt::join(words, ", ")));
}

Schema choice_schema(const std::vector<std::string>& words) {
    return [words]() -> Json {
        const Json variable = {{"type", "string"}, {"pattern", "\\$\\{"}};
        return {{"anyOf", {{{"enum", words}}, variable}}};
    };
}

std::string choice_kind(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, "|")); }

}  // namespace leasehold::config
