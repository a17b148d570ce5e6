// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "config/description.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/text.h"

namespace leasehold::config {
namespace {

// In the order of the file; what has no place in it comes last.
std::vector<Problem> problems_of(std::vector<Finding> findings, std::string_view text) {
    const auto offset = [](const Finding& finding) {
        return finding.mark ? finding.mark->offset : std::numeric_limits<std::size_t>::max();
    };
    std::stable_sort(findings.begin(), findings.end(),
                     [&](const Finding& a, const Finding& b) { return offset(a) < offset(b); });
    std::vector<Problem> problems;
    Places places(text);
    for (Finding& finding : findings) {
        Problem problem{0, 0, std::move(finding.path), std::move(finding.message)};
        if (finding.mark) {
            const Place place = places.at(finding.mark->offset);
            problem.line = place.line;
            problem.column = place.column;
        }
        problems.push_back(std::move(problem));
    }
    return problems;
}

}  // namespace

std::string Problem::text(const std::string& file) const {
    std::string out = file + ':';
    if (line > 0) out += std::to_string(line) + ':' + std::to_string(column) + ':';
    if (!path.empty()) out += ' ' + path + ':';
    return out + ' ' + message;
}

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
}

Loaded load_text(const Description& description, std::string_view text, const LoadSettings& settings) {
    if (auto problem = check_text(text)) return {{}, {std::move(*problem)}};
    text = without_byte_order_mark(text);
    const auto document = parse_document(text);
    if (!document) return {{}, problems_of({{document.error().mark, "", document.error().message}}, text)};
    Reading reading = read(description, *document, settings);
    return {std::move(reading.options), problems_of(std::move(reading.findings), text)};
}

Loaded load_text(std::string_view text, const LoadSettings& settings) {
    return load_text(description(), text, settings);
}

std::string to_yaml(const Options& options, bool mask_secrets) { return to_yaml(description(), options, mask_secrets); }

std::string json_schema() { return schema_of(description()).dump(2) + '\n'; }

}  // namespace leasehold::config
