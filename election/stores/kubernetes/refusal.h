// SPDX-License-Identifier: Apache-2.0
//
// What an API server's refusal means, said so that whoever reads it can do something about it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "election/stores/http/client.h"
#include "election/stores/kubernetes/options.h"

namespace leasehold::stores::kubernetes {

// The API's own answer to a request that it did not carry out (metav1.Status).
struct Status {
    int code = 0;
    std::string reason;  // "Forbidden", "AlreadyExists", "Conflict", "NotFound", "Expired", ...
    std::string message;
};
// Nothing when the body is no Status: then somebody else answered, such as a proxy.
std::optional<Status> parse_status(const std::string& body);

// What is asked of the server: "update" of "leases" in "coordination.k8s.io", ...
struct Action {
    std::string verb;
    std::string api_group;
    std::string resource;
    std::string name;  // of the object; empty: any
    std::string namespace_name;

    friend bool operator==(const Action&, const Action&) = default;
};

// Everything that a run with these options does, in a fixed order. Events and pods only if the options want them.
// Names are left out where a right cannot be limited to one (create), or should not be (pods: each has its own). Pods
// are in `pod_namespace`; empty: where the lock is.
std::vector<Action> actions_of_a_run(const KubernetesOptions& options, const std::string& name,
                                     const std::string& namespace_name, const std::string& pod_namespace = {});

// The smallest Role that allows these actions, as YAML, and, if the user is a service account, its RoleBinding.
std::string role_yaml(const std::vector<Action>& actions, const std::string& role_name,
                      const std::string& namespace_name, const std::string& user);

// The same for each namespace that the actions are in.
struct Needs {
    std::vector<Action> actions;
    std::string role_name;
};
std::string role_yaml(const Needs& needs, const std::string& user);

// "system:serviceaccount:ns:default" out of the message of a 403; empty if it is not in it.
std::string user_in(const std::string& forbidden_message);
inline constexpr const char* kAnonymous = "system:anonymous";  // who comes without credentials

struct Refusal {
    // A metric label: label_of(Failure), or "unauthorized", "forbidden", "no_namespace" (it does not exist),
    // "not_served" (the kind of object is unknown), "not_found", "already_exists", "conflict", "expired" (410),
    // "invalid" (422), "throttled" (429), "server_error" (5xx), "redirected", "not_kubernetes" (somebody else
    // answered), "refused" (anything else).
    std::string label;
    std::string detail;       // one line for people that says what to do
    std::string denied_user;  // who lacks the right; empty when that is not the trouble
    Duration retry_after{};   // of a 429 or 503 that names one, at most a day; zero otherwise
};

// For any answer that is not the success that was expected, transport failures included. What the server says is
// quoted, on one line and not without end.
Refusal explain(const http::Answer& answer, const Action& action, const std::string& server);

// The server's clock against ours, by its Date header, in words, when they are more than a minute apart: certificates
// and tokens may not be valid then.
std::optional<std::string> clock_difference(const http::Answer& answer, std::int64_t now_unix_seconds);

}  // namespace leasehold::stores::kubernetes
