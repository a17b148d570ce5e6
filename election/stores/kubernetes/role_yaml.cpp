// SPDX-License-Identifier: Apache-2.0
//
// What a run asks of the server, and the Role that allows it.
#include <algorithm>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "election/stores/kubernetes/lock_object.h"
#include "election/stores/kubernetes/refusal.h"

namespace leasehold::stores::kubernetes {
namespace {

constexpr std::string_view kServiceAccount = "system:serviceaccount:";

// Every JSON string is one of YAML's. Names come from the configuration, which may hold anything.
std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

struct Rule {
    std::string api_group;
    std::string resource;
    std::string name;  // empty: any
    std::vector<std::string> verbs;
};

// What differs in nothing but the verb is one rule.
std::vector<Rule> rules_for(const std::vector<Action>& actions) {
    std::vector<Rule> rules;
    for (const Action& action : actions) {
        const std::string name = action.verb == "create" ? "" : action.name;
        const auto same = [&](const Rule& rule) {
            const bool creates = rule.verbs.front() == "create";
            return rule.api_group == action.api_group && rule.resource == action.resource && rule.name == name &&
                   creates == (action.verb == "create");
        };
        auto rule = std::find_if(rules.begin(), rules.end(), same);
        if (rule == rules.end()) {
            rules.push_back({action.api_group, action.resource, name, {}});
            rule = rules.end() - 1;
        }
        rule->verbs.push_back(action.verb);
    }
    return rules;
}

std::string text_of(const Rule& rule, bool explain_create) {
    std::string verbs;
    for (const std::string& verb : rule.verbs) verbs += (verbs.empty() ? "" : ", ") + quoted(verb);
    std::string text =
        fmt::format("  - apiGroups: [{}]\n    resources: [{}]\n", quoted(rule.api_group), quoted(rule.resource));
    if (explain_create)
        text.insert(0, "  # In a rule of its own: what does not exist yet cannot be told by its name.\n");
    if (!rule.name.empty()) text += fmt::format("    resourceNames: [{}]\n", quoted(rule.name));
    return text + fmt::format("    verbs: [{}]\n", verbs);
}

std::string head(const char* kind, const std::string& name, const std::string& namespace_name) {
    return fmt::format("apiVersion: rbac.authorization.k8s.io/v1\nkind: {}\nmetadata:\n  name: {}\n  namespace: {}\n",
                       kind, quoted(name), quoted(namespace_name));
}

// "ns" and "name" of a service account's user name; nothing of other users'.
std::optional<std::pair<std::string, std::string>> service_account(std::string_view user) {
    if (!user.starts_with(kServiceAccount)) return std::nullopt;
    user.remove_prefix(kServiceAccount.size());
    const std::size_t colon = user.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == user.size()) return std::nullopt;
    return std::pair(std::string(user.substr(0, colon)), std::string(user.substr(colon + 1)));
}

}  // namespace

std::vector<Action> actions_of_a_run(const KubernetesOptions& options, const std::string& name,
                                     const std::string& namespace_name, const std::string& pod_namespace) {
    const ObjectKind kind = kind_of(options.lock);
    std::vector<Action> actions{
        {"create", kind.api_group, kind.resource, "", namespace_name},
        {"get", kind.api_group, kind.resource, name, namespace_name},
        {"update", kind.api_group, kind.resource, name, namespace_name},
        {"watch", kind.api_group, kind.resource, name, namespace_name},
    };
    if (options.events) actions.push_back({"create", "", "events", "", namespace_name});
    const std::string& of_pods = pod_namespace.empty() ? namespace_name : pod_namespace;
    if (!options.role_label.empty()) actions.push_back({"patch", "", "pods", "", of_pods});
    return actions;
}

std::string role_yaml(const std::vector<Action>& actions, const std::string& role_name,
                      const std::string& namespace_name, const std::string& user) {
    std::string text = head("Role", role_name, namespace_name) + "rules:\n";
    bool explained = false;
    for (const Rule& rule : rules_for(actions)) {
        const bool creates = rule.verbs.front() == "create";
        text += text_of(rule, creates && !explained);
        explained = explained || creates;
    }
    const auto account = service_account(user);
    if (!account) return text;
    return text + "---\n" + head("RoleBinding", role_name, namespace_name) +
           fmt::format(
               "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: {}\n"
               "subjects:\n  - kind: ServiceAccount\n    name: {}\n    namespace: {}\n",
               quoted(role_name), quoted(account->second), quoted(account->first));
}

std::string role_yaml(const Needs& needs, const std::string& user) {
    std::vector<std::pair<std::string, std::vector<Action>>> by_namespace;
    for (const Action& action : needs.actions) {
        const auto same = [&](const auto& one) { return one.first == action.namespace_name; };
        auto found = std::find_if(by_namespace.begin(), by_namespace.end(), same);
        if (found == by_namespace.end()) {
            by_namespace.emplace_back(action.namespace_name, std::vector<Action>());
            found = by_namespace.end() - 1;
        }
        found->second.push_back(action);
    }
    std::string text;
    for (const auto& [namespace_name, actions] : by_namespace) {
        text += (text.empty() ? "" : "---\n") + role_yaml(actions, needs.role_name, namespace_name, user);
    }
    return text;
}

// The server writes it as Go's %q does (apiserver, responsewriters, forbiddenMessage).
std::string user_in(const std::string& forbidden_message) {
    constexpr std::string_view kBefore = "User \"", kAfter = "\" cannot ";
    const std::size_t found = forbidden_message.find(kBefore);
    if (found == std::string::npos) return "";
    const std::size_t begin = found + kBefore.size();
    const std::size_t end = forbidden_message.find(kAfter, begin);
    return end == std::string::npos ? "" : forbidden_message.substr(begin, end - begin);
}

}  // namespace leasehold::stores::kubernetes
