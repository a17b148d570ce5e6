// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/refusal.h"

#include <fmt/core.h>

#include "election/stores/http/retry_after.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::etcd {
namespace {

using Code = Refusal::Code;

constexpr std::chrono::seconds kMostPatience{60};

bool says(const Refusal& refusal, const char* what) { return refusal.message.find(what) != std::string::npos; }

// About who asks. Checked before anything is proposed (etcd: server/etcdserver/v3_server.go, api/v3rpc/rpctypes).
bool is_about_identity(const Refusal& refusal, const std::string& server, Explanation& explanation) {
    const std::string quoted = shown(refusal.message, 200);
    explanation = {"unauthorized", "", true, false, false, {}};
    if (says(refusal, "user name is empty")) {
        explanation.asks_for_token = true;
        explanation.detail =
            fmt::format("{} wants to know who asks: set election.store.etcd.username and password_file", server);
        return true;
    }
    if (says(refusal, "authentication is not enabled")) {
        explanation.detail =
            fmt::format("{} has no authentication switched on: take election.store.etcd.username away", server);
        return true;
    }
    // Before 3.4.22 and 3.5.6 a watch with an expired token is refused as if it were not permitted.
    explanation.asks_for_token = refusal.is(Code::unauthenticated) || says(refusal, "revision of auth store");
    if (explanation.asks_for_token || says(refusal, "authentication failed")) {
        explanation.detail =
            fmt::format("{} does not accept election.store.etcd.username with this password: '{}'", server, quoted);
        return true;
    }
    return false;
}

}  // namespace

Explanation explain(const Refusal& refusal, const std::string& action, const std::string& key,
                    const std::string& server) {
    Explanation identity;
    if (is_about_identity(refusal, server, identity)) return identity;
    const std::string quoted = shown(refusal.message, 200);
    if (refusal.is(Code::permission_denied)) {
        return {"forbidden",
                fmt::format("{} does not allow the user of election.store.etcd.username to {} {}: grant it with "
                            "'etcdctl role grant-permission ROLE readwrite {}'",
                            server, action, shown(key), shown(key)),
                true,
                false,
                action == "watch",
                {}};
    }
    // The first is also answered to a transaction that was carried out (server/etcdserver/apply.go, quotaApplierV3).
    if (says(refusal, "database space exceeded")) {
        return {"full",
                fmt::format("{} takes no more writes: '{}'; compact and defragment it, then 'etcdctl alarm disarm'",
                            server, quoted)};
    }
    if (says(refusal, "too many requests")) {
        return {"throttled", fmt::format("{} cannot {} now: '{}'", server, action, quoted)};
    }
    if (refusal.is(Code::unavailable)) {
        return {"unavailable", fmt::format("{} cannot {} now: '{}'", server, action, quoted)};
    }
    const bool not_applied =
        refusal.is(Code::invalid_argument) || refusal.is(Code::failed_precondition) || refusal.is(Code::out_of_range);
    return {"refused", fmt::format("{} refuses to {} {}: '{}'", server, action, shown(key), quoted), not_applied};
}

Explanation explain(const http::Answer& answer, const std::string& action, const std::string& key,
                    const std::string& server) {
    if (answer.failure != http::Failure::none) {
        const bool not_applied = !answer.sent && answer.failure != http::Failure::timeout;
        return {http::label_of(answer.failure), answer.detail, not_applied};
    }
    Explanation explanation;
    if (const auto refusal = parse_refusal(answer.body); refusal && answer.status >= 400) {
        explanation = explain(*refusal, action, key, server);
    } else if (answer.status >= 500 || answer.status == 429) {
        explanation = {"unavailable",
                       fmt::format("what answers at {} is no etcd, but a proxy or balancer that has none "
                                   "to ask (HTTP {}): '{}'",
                                   server, answer.status, shown(answer.body))};
    } else {
        explanation = {"not_etcd",
                       fmt::format("what answers at {} is no etcd with the v3 JSON gateway (HTTP {}): '{}'; a member's "
                                   "client address is wanted, etcd 3.4 or newer, not started with "
                                   "--enable-grpc-gateway=false",
                                   server, answer.status, shown(answer.body))};
    }
    explanation.retry_after = http::retry_after(answer, kMostPatience);
    return explanation;
}

Explanation malformed(const std::string& problem, const std::string& server) {
    return {"malformed", fmt::format("{} answered with what cannot be understood: {}", server, problem)};
}

}  // namespace leasehold::stores::etcd
