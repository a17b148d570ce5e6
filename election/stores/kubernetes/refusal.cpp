// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/refusal.h"

#include <string_view>

#include <fmt/core.h>

#include "base/duration_text.h"
#include "election/stores/http/retry_after.h"
#include "election/stores/json_fields.h"
#include "election/stores/kubernetes/go_json.h"

namespace leasehold::stores::kubernetes {
namespace {

constexpr std::size_t kLongestQuote = 500;  // bytes of what others say
constexpr std::chrono::hours kMostPatience{24};

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// What somebody else wrote, fit for one line of ours.
std::string one_line(std::string_view text) {
    std::string line;
    const std::string valid = valid_utf8(text.substr(0, kLongestQuote));
    for (std::size_t i = 0; i < valid.size(); ++i) {
        const char c = valid[i];
        // U+0080 to U+009F: controls as well, which a terminal may obey.
        const bool is_c1 = c == '\xc2' && static_cast<unsigned char>(valid[i + 1]) < 0xa0;
        if (is_c1) ++i;
        const bool printable = static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && !is_c1;
        if (printable && c != ' ') {
            line += c;
        } else if (!line.empty() && line.back() != ' ') {
            line += ' ';
        }
    }
    if (!line.empty() && line.back() == ' ') line.pop_back();
    if (text.size() > kLongestQuote) line += "...";
    return line;
}

// "update of leases.coordination.k8s.io prod/billing"; shorter where less is known.
std::string text_of(const Action& action) {
    std::string text = action.verb;
    const std::string group = action.api_group.empty() ? "" : '.' + action.api_group;
    if (!action.resource.empty()) text += " of " + action.resource + group;
    if (!action.name.empty()) {
        text += ' ' + (action.namespace_name.empty() ? "" : action.namespace_name + '/') + action.name;
    } else if (!action.namespace_name.empty()) {
        text += " in namespace " + action.namespace_name;
    }
    return text;
}

std::string header(const http::Answer& answer, const char* name) {
    const auto found = answer.headers.find(name);
    return found == answer.headers.end() ? std::string() : one_line(found->second);
}

struct Reason {
    const char* label;
    std::string text;
};

Reason unauthorized(const std::string& no_newer) {
    return {"unauthorized",
            "the server does not accept the credentials (HTTP 401): check the token or the client certificate, which "
            "may have expired or be another cluster's; a clock that is far off does this too" +
                (no_newer.empty() ? "" : "; " + one_line(no_newer))};
}

Reason forbidden(const Status& status) {
    const std::string user = user_in(status.message);
    std::string text = one_line(status.message);
    if (user.empty()) {  // not for want of rights: a quota, an admission webhook, a namespace that is going away
        if (has(text, "being terminated")) text += "; run in a namespace that stays";
    } else if (user == kAnonymous) {
        text +=
            "; no credentials came with the request, or none that the server knows: check the token or the client "
            "certificate";
    } else {
        text += "; 'leasehold check --probe' prints the Role that allows it";
    }
    return {"forbidden", text};
}

Reason not_found(const Status& status, const Action& action) {
    if (has(status.message, "namespaces \"")) {
        return {"no_namespace", fmt::format("there is no namespace {}: create it, or correct "
                                            "election.store.kubernetes.namespace",
                                            action.namespace_name)};
    }
    if (has(status.message, "could not find the requested resource")) {
        return {"not_served", fmt::format("the server does not know {}{} (Leases came with Kubernetes 1.14); check its "
                                          "version, and the path in its URL",
                                          action.resource.empty() ? "this kind of object" : action.resource,
                                          action.api_group.empty() ? "" : " of " + action.api_group)};
    }
    return {"not_found", one_line(status.message)};
}

// An answer of the API itself.
Reason reason_of(const Status& status, const http::Answer& answer, const Action& action) {
    const std::string said = one_line(status.message.empty() ? status.reason : status.message);
    switch (answer.status) {
        case 401: return unauthorized(answer.detail);
        case 403: return forbidden(status);
        case 404: return not_found(status, action);
        case 409:
            if (status.reason == "AlreadyExists") return {"already_exists", said};
            return {"conflict", said};
        case 410: return {"expired", said};
        case 422: return {"invalid", said};
        default: return {"refused", fmt::format("{} (HTTP {})", said, answer.status)};
    }
}

std::string patience_text(const http::Answer& answer) {
    const Duration patience = http::retry_after(answer, kMostPatience);
    return patience == Duration::zero() ? "" : ", and asks to be left alone for " + to_text(patience);
}

// An answer that is not the API's: of something between us and it, or of something else altogether.
Reason foreign(const http::Answer& answer, const std::string& server) {
    if (has(answer.body.substr(0, kLongestQuote), "HTTP request to an HTTPS server")) {
        return {"not_kubernetes", "the server wants TLS: its URL must begin with https://"};
    }
    const std::string type = header(answer, "content-type");
    return {"not_kubernetes", fmt::format("something else than an API server answered at {} (HTTP {}, {}): a proxy, or "
                                          "a wrong address? It says: {}",
                                          server, answer.status, type.empty() ? "of no type" : type,
                                          answer.body.empty() ? "nothing" : one_line(answer.body))};
}

Reason reason_of(const http::Answer& answer, const Action& action, const std::string& server) {
    const auto status = parse_status(answer.body);
    const std::string said = one_line(status ? status->message : answer.body);
    const std::string quote = said.empty() ? "" : ": " + said;
    if (answer.status >= 300 && answer.status < 400) {
        const std::string place = header(answer, "location");
        return {"redirected", fmt::format("it answers with a redirect (HTTP {}) to {}, which is not followed: correct "
                                          "the server's address",
                                          answer.status, place.empty() ? "nowhere" : place)};
    }
    // These two may come from filters of the API server, or from a load balancer before it, in any form.
    if (answer.status == 429) {
        return {"throttled", "the server has too much to do (HTTP 429)" + patience_text(answer) + quote};
    }
    if (answer.status >= 500) {
        const char* whose = status ? "the server failed" : "the server, or what stands before it, failed";
        return {"server_error", fmt::format("{} (HTTP {}){}{}", whose, answer.status, patience_text(answer), quote)};
    }
    if (!status) return foreign(answer, server);
    return reason_of(*status, answer, action);
}

Reason reason_of_failure(const http::Answer& answer) {
    std::string text = one_line(answer.detail);
    const bool tls = answer.failure == http::Failure::tls;
    if (tls && has(text, " is not signed by ")) {
        text += "; the CA to trust is ca.crt of the service account, or certificate-authority of the kubeconfig";
    }
    if (tls && has(text, " is not for ")) text += "; tls-server-name of the kubeconfig may name what it is for";
    return {http::label_of(answer.failure), text};
}

}  // namespace

std::optional<Status> parse_status(const std::string& body) {
    std::string problem;
    const auto document = parse_json(body, problem);
    if (!document || !document->is_object() || document->value("kind", nlohmann::json()) != "Status") return {};
    JsonFields fields(*document, "", problem);
    const auto text = [&](const char* key) {
        const nlohmann::json& value = fields.has(key) ? document->at(key) : nlohmann::json();
        return value.is_string() ? value.get<std::string>() : std::string();
    };
    Status status;
    if (fields.has("code")) status.code = static_cast<int>(fields.number("code", 0, 999));
    status.reason = text("reason");
    status.message = text("message");
    return status;
}

Refusal explain(const http::Answer& answer, const Action& action, const std::string& server) {
    const bool failed = answer.failure != http::Failure::none;
    const Reason reason = failed ? reason_of_failure(answer) : reason_of(answer, action, server);
    Refusal refusal;
    refusal.label = reason.label;
    refusal.detail = fmt::format("{} at {}: {}", text_of(action), server, reason.text);
    if (failed) return refusal;
    refusal.retry_after = http::retry_after(answer, kMostPatience);
    const auto status = answer.status == 403 ? parse_status(answer.body) : std::nullopt;
    if (status) refusal.denied_user = user_in(status->message);
    if (refusal.denied_user == kAnonymous) refusal.denied_user.clear();
    return refusal;
}

}  // namespace leasehold::stores::kubernetes
