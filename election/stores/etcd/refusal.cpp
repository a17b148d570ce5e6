// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/refusal.h"

#include <fmt/core.h>

#include "election/stores/etcd/messages.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::etcd {
namespace {

using Code = Refusal::Code;

bool says(const Refusal& refusal, const char* what) { return refusal.message.find(what) != std::string::npos; }

Explanation explain_refusal(const Refusal& refusal, const std::string& action, const std::string& key,
                            const std::string& server) {
    const std::string quoted = shown(refusal.message, 200);
    if (says(refusal, "user name is empty")) {
        return {"unauthorized",
                fmt::format("{} wants to know who asks: set election.store.etcd.username and password_file", server),
                true};
    }
    if (says(refusal, "authentication is not enabled")) {
        return {"unauthorized",
                fmt::format("{} has no authentication switched on: take election.store.etcd.username away", server),
                true};
    }
    if (refusal.is(Code::unauthenticated) || says(refusal, "authentication failed")) {
        return {"unauthorized",
                fmt::format("{} does not accept election.store.etcd.username with this password: '{}'", server, quoted),
                true};
    }
    if (refusal.is(Code::permission_denied)) {
        return {
            "forbidden",
            fmt::format("{} does not allow the user of election.store.etcd.username to {} {}: grant it with 'etcdctl "
                        "role grant-permission ROLE readwrite {}'",
                        server, action, shown(key), shown(key)),
            true};
    }
    if (refusal.is(Code::resource_exhausted)) {
        return {"full",
                fmt::format("{} takes no more writes: '{}'; compact and defragment it, then 'etcdctl alarm "
                            "disarm'",
                            server, quoted),
                true};
    }
    if (refusal.is(Code::unavailable)) {
        return {"unavailable", fmt::format("{} cannot {} now: '{}'", server, action, quoted), false};
    }
    const bool not_applied = refusal.is(Code::invalid_argument) || refusal.is(Code::failed_precondition) ||
                             refusal.is(Code::out_of_range) || refusal.is(Code::not_found);
    return {"refused", fmt::format("{} refuses to {} {}: '{}'", server, action, shown(key), quoted), not_applied};
}

}  // namespace

Explanation explain(const http::Answer& answer, const std::string& action, const std::string& key,
                    const std::string& server) {
    if (answer.failure != http::Failure::none) {
        const bool not_applied = !answer.sent && answer.failure != http::Failure::timeout;
        return {http::label_of(answer.failure), answer.detail, not_applied};
    }
    if (const auto refusal = parse_refusal(answer.body); refusal && answer.status >= 400) {
        return explain_refusal(*refusal, action, key, server);
    }
    const bool page = answer.status == 404;
    return {"not_etcd",
            fmt::format("what answers at {} is no etcd with the v3 JSON gateway (HTTP {}): '{}'; a member's client "
                        "address is wanted, etcd 3.4 or newer, not started with --enable-grpc-gateway=false",
                        server, answer.status, shown(answer.body)),
            page};
}

}  // namespace leasehold::stores::etcd
