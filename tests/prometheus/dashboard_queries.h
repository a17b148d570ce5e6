// SPDX-License-Identifier: Apache-2.0
//
// What Grafana would ask Prometheus for a dashboard. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace leasehold::servers {

struct PanelQuery {
    std::string panel;  // its title
    std::string expression;
};

// label_values(selector, label)
struct LabelQuery {
    std::string selector;
    std::string label;
};

// `chosen`: what stands for the variables, without the dollar. Variables of Grafana's own are among them.
std::vector<PanelQuery> panel_queries(const nlohmann::json& dashboard,
                                      const std::map<std::string, std::string>& chosen);

// Of the variables whose values are asked for. A query of another form throws std::runtime_error.
std::vector<LabelQuery> variable_queries(const nlohmann::json& dashboard,
                                         const std::map<std::string, std::string>& chosen);

}  // namespace leasehold::servers
