// SPDX-License-Identifier: Apache-2.0
#include "tests/prometheus/dashboard_queries.h"

#include <regex>
#include <stdexcept>

namespace leasehold::servers {

using nlohmann::json;

namespace {

std::string filled_in(std::string text, const std::map<std::string, std::string>& chosen) {
    for (const auto& [name, value] : chosen) {
        const std::string variable = '$' + name;
        for (auto at = text.find(variable); at != std::string::npos; at = text.find(variable)) {
            text.replace(at, variable.size(), value);
        }
    }
    if (text.find('$') != std::string::npos) throw std::runtime_error("nothing stands for a variable in " + text);
    return text;
}

}  // namespace

std::vector<PanelQuery> panel_queries(const json& dashboard, const std::map<std::string, std::string>& chosen) {
    std::vector<PanelQuery> queries;
    for (const json& panel : dashboard["panels"]) {
        for (const json& target : panel.value("targets", json::array())) {
            queries.push_back({panel["title"], filled_in(target["expr"], chosen)});
        }
    }
    return queries;
}

std::vector<LabelQuery> variable_queries(const json& dashboard, const std::map<std::string, std::string>& chosen) {
    const std::regex label_values(R"(label_values\((.+), (\w+)\))");
    std::vector<LabelQuery> queries;
    for (const json& variable : dashboard["templating"]["list"]) {
        if (variable["type"] != "query") continue;
        const std::string text = filled_in(variable["query"]["query"], chosen);
        std::smatch parts;
        if (!std::regex_match(text, parts, label_values)) throw std::runtime_error("not understood: " + text);
        queries.push_back({parts[1], parts[2]});
    }
    return queries;
}

}  // namespace leasehold::servers
