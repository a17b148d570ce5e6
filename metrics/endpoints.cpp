// SPDX-License-Identifier: Apache-2.0
#include "metrics/endpoints.h"

#include <string_view>

#include "metrics/negotiation.h"
#include "metrics/page.h"
#include "metrics/status.h"

namespace leasehold::metrics {
namespace {

constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kJsonType = "application/json";
constexpr const char* kHtmlType = "text/html; charset=utf-8";

constexpr const char* kPaths = "/ /metrics /healthz /livez /readyz /leader /standby /status";

struct Check {
    std::string_view name;
    bool passed = false;
    std::string_view problem;  // when it did not pass
};

std::vector<Check> liveness_checks(const StatusView& view) {
    // A lease that is being given up, or is somebody else's, needs no renewal.
    const bool must_renew = view.leading || view.role == "leader" || view.role == "stopping";
    std::vector<Check> checks = {{"ping", true, ""}};  // this answer shows that the loop turns
    if (view.supervisor_connected) {
        checks.push_back({"supervisor", *view.supervisor_connected, "the supervisor is not connected"});
    }
    checks.push_back(
        {"lease", !must_renew || view.renewed_within_lease, "the lease was not renewed within its duration"});
    return checks;
}

std::vector<Check> readiness_checks(const StatusView& view) {
    return {
        {"configuration", view.configured, "no configuration was accepted"},
        {"store", view.store_answered, "the store has not answered yet"},
    };
}

// As Kubernetes' components answer: "ok", or a line for each check when one failed or ?verbose was given.
HttpResponse health(std::string_view name, const std::vector<Check>& checks, bool verbose) {
    bool passed = true;
    std::string lines;
    for (const Check& check : checks) {
        passed = passed && check.passed;
        lines += check.passed ? "[+]" : "[-]";
        lines += check.name;
        lines += check.passed ? " ok" : " failed: ";
        if (!check.passed) lines += check.problem;
        lines += '\n';
    }
    if (passed && !verbose) return {.body = "ok"};
    lines += std::string(name) + " check " + (passed ? "passed" : "failed") + "\n";
    return {.status = passed ? 200 : 500, .body = lines};
}

HttpResponse role(const std::string& name, bool in_role) {
    return {.status = in_role ? 200 : 503, .body = (in_role ? name : "not " + name) + "\n"};
}

HttpResponse front(const HttpRequest& request, const StatusView& view, bool may_see_all) {
    if (prefers_html(request.accept)) {
        return {.content_type = kHtmlType,
                .body = status_page(view, !may_see_all),
                .policy = status_page_policy(),
                .vary = "Accept"};
    }
    return {.content_type = kJsonType, .body = holder_json(view), .vary = "Accept"};
}

HttpResponse unauthorized(const HttpRequest& request) {
    const std::string problem = request.authorization.empty() ? "" : ", error=\"invalid_token\"";
    return {.status = 401,
            .body = "this needs a token: Authorization: Bearer ... (http.token_file)\n",
            .challenge = "Bearer realm=\"leasehold\"" + problem};
}

bool is_authorized(const HttpRequest& request, const TokenSource& token) {
    if (!token) return true;
    const std::optional<std::string> expected = token();
    return expected && !expected->empty() && bears(request.authorization, *expected);
}

HttpResponse answer(const HttpRequest& request, const Metrics& metrics, const StatusSource& source,
                    const TokenSource& token) {
    const std::string& path = request.path;
    const bool may_see_all = is_authorized(request, token);
    if (!may_see_all && (path == "/metrics" || path == "/status")) return unauthorized(request);
    const StatusView view = source();
    if (path == "/metrics") return {.content_type = kMetricsType, .body = metrics.text()};
    if (path == "/healthz" || path == "/livez") {
        return health(path.substr(1), liveness_checks(view), request.verbose);
    }
    if (path == "/readyz") return health("readyz", readiness_checks(view), request.verbose);
    if (path == "/leader" && view.leading && !view.workload_ready) {
        return {.status = 503, .body = "leader, but the workload is not ready\n"};
    }
    if (path == "/leader") return role("leader", view.leading);
    if (path == "/standby") return role("standby", !view.leading && view.role == "standby");
    if (path == "/status") return {.content_type = kJsonType, .body = status_json(view)};
    if (path == "/") return front(request, view, may_see_all);
    return {.status = 404, .body = std::string("not found; the paths are ") + kPaths + "\n"};
}

}  // namespace

HttpServer::Handler make_handler(const Metrics& metrics, StatusSource source, TokenSource token) {
    return [&metrics, source = std::move(source), token = std::move(token)](const HttpRequest& request) {
        return answer(request, metrics, source, token);
    };
}

}  // namespace leasehold::metrics
