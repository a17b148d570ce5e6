// SPDX-License-Identifier: Apache-2.0
#include "election/stores/consul/refusal.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "election/stores/consul/messages.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::consul {
namespace {

// Consul says why in a line of text, or, of a transaction, in a list.
std::string words_of(const http::Answer& answer) {
    const auto errors = parse_txn_errors(answer.body);
    return errors.empty() ? answer.body : fmt::format("{}", fmt::join(errors, "; "));
}

bool is_page(const http::Answer& answer) {
    const auto begin = answer.body.find_first_not_of(" \r\n\t");
    return begin != std::string::npos && answer.body[begin] == '<';
}

}  // namespace

Explanation explain(const http::Answer& answer, const std::string& action, const std::string& key,
                    const std::string& server) {
    if (answer.failure != http::Failure::none) {
        const bool not_applied = !answer.sent && answer.failure != http::Failure::timeout;
        return {http::label_of(answer.failure), answer.detail, not_applied};
    }
    const std::string words = words_of(answer);
    const std::string quoted = shown(words, 200);
    const auto says = [&](const char* what) { return words.find(what) != std::string::npos; };
    const bool listed =
        answer.status == 409 && !parse_txn_errors(answer.body).empty();  // a transaction: all or nothing
    const bool refused = listed || answer.status == 400 || answer.status == 403 || answer.status == 429;

    if (refused && says("ACL not found")) {
        return {"unauthorized",
                fmt::format("{} does not know the token in election.store.consul.token_file: '{}'", server, quoted),
                true};
    }
    if (refused && says("Permission denied")) {
        return {"forbidden",
                fmt::format("{} does not allow to {} {} with the token in election.store.consul.token_file, or "
                            "without one: give it a policy with 'key \"{}\" {{ policy = \"write\" }}'",
                            server, action, shown(key), shown(key)),
                true};
    }
    if (answer.status == 500 && says("No path to datacenter")) {
        return {
            "no_datacenter",
            fmt::format("{} knows no way to the datacenter in election.store.consul.datacenter: '{}'", server, quoted),
            false};
    }
    if (answer.status == 400 && says("HTTP request to an HTTPS server")) {
        return {"tls", fmt::format("{} wants TLS: write https:// in election.store.consul.address", server), true};
    }
    if ((answer.status == 429 || answer.status >= 500) && !is_page(answer)) {
        return {"unavailable", fmt::format("{} cannot {} now (HTTP {}): '{}'", server, action, answer.status, quoted),
                refused};
    }
    if (refused && !is_page(answer)) {
        return {"refused", fmt::format("{} refuses to {} {}: '{}'", server, action, shown(key), quoted), true};
    }
    return {"not_consul",
            fmt::format("what answers at {} is not Consul's HTTP API (HTTP {}): '{}'; election.store.consul.address "
                        "is to be an agent's, with its HTTP port, which is 8500 if nobody changed it",
                        server, answer.status, quoted),
            answer.status == 404};
}

}  // namespace leasehold::stores::consul
