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

// Whether Consul itself has refused, before anything was done: it says so with words of its own. A balancer or a
// filter in between answers with the same statuses, and may have handed on the request, or an earlier copy of it.
bool is_refusal(const http::Answer& answer, const std::string& words) {
    const auto says = [&words](const char* what) { return words.find(what) != std::string::npos; };
    if (answer.status == 409) return !parse_txn_errors(answer.body).empty();  // a transaction: all or nothing
    if (is_page(answer)) return false;
    switch (answer.status) {
        case 400: return says("Failed to parse body") || says("HTTP request to an HTTPS server");
        case 403: return says("ACL not found") || says("Permission denied");
        case 429: return says("rate limit");
        default: return false;
    }
}

// Of what is not understood better than by its status.
Explanation explain_status(const http::Answer& answer, const std::string& action, const std::string& key,
                           const std::string& server, bool refused) {
    const int status = answer.status;
    const std::string quoted = shown(words_of(answer), 200);
    const bool page = is_page(answer);
    if (page && status >= 502 && status <= 504) {
        return {"unavailable", fmt::format("a proxy at {} cannot reach Consul (HTTP {})", server, status), false};
    }
    if ((status == 429 || status >= 500) && !page) {
        return {"unavailable", fmt::format("{} cannot {} now (HTTP {}): '{}'", server, action, status, quoted),
                refused};
    }
    if (refused || ((status == 400 || status == 403) && !page)) {
        return {"refused", fmt::format("{} refuses to {} {}: '{}'", server, action, shown(key), quoted), refused};
    }
    return {"not_consul",
            fmt::format("what answers at {} is not Consul's HTTP API (HTTP {}): '{}'; election.store.consul.address "
                        "is to be an agent's, with its HTTP port, which is 8500 if nobody changed it",
                        server, status, quoted),
            false};
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
    const bool refused = is_refusal(answer, words);

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
    if (refused && says("HTTP request to an HTTPS server")) {
        return {"tls", fmt::format("{} wants TLS: write https:// in election.store.consul.address", server), true};
    }
    if ((answer.status == 400 || answer.status == 500) && (says("nvalid key") || says("key contains"))) {
        return {"refused",
                fmt::format("{} takes no such key as {}: '{}'; change election.store.consul.prefix or election.name, "
                            "for all candidates at once",
                            server, shown(key), quoted),
                refused};
    }
    return explain_status(answer, action, key, server, refused);
}

}  // namespace leasehold::stores::consul
