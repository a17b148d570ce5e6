// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/outcome.h"

#include <cerrno>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/duration_text.h"

namespace leasehold::stores::http {
namespace {

// Of X509_verify_cert(3), openssl/x509_vfy.h; libcurl hands the numbers through (CURLINFO_SSL_VERIFYRESULT).
enum VerifyResult : long {
    kUnspecified = 1,  // libcurl's before it has looked
    kIssuerNotFound = 2,
    kNotYetValid = 9,
    kExpired = 10,
    kSelfSigned = 18,
    kSelfSignedInChain = 19,
    kIssuerNotFoundLocally = 20,
    kLeafNotVerified = 21,
};

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string in_brackets(const std::string& text) { return text.empty() ? text : " (" + text + ')'; }

Outcome connect_failure(const Evidence& evidence, const Endpoint& endpoint) {
    const std::string server = whom(endpoint, evidence.tried);
    if (evidence.os_error == ECONNREFUSED) {
        return {Failure::connect, fmt::format("connecting to {} was refused: is the server running there?", server)};
    }
    const std::string reason =
        evidence.os_error != 0 ? std::generic_category().message(evidence.os_error) : evidence.text;
    return {Failure::connect, fmt::format("connecting to {} failed: {}", server, reason)};
}

std::string refused_certificate(const Evidence& evidence, const Endpoint& endpoint) {
    const std::string whose = "the certificate of " + whom(endpoint, evidence.tried);
    switch (evidence.verify_result) {
        case kIssuerNotFound:
        case kSelfSigned:
        case kSelfSignedInChain:
        case kIssuerNotFoundLocally:
        case kLeafNotVerified:
            return whose + (endpoint.peer.ca_pem.empty() ? " is not signed by a CA that this system trusts"
                                                         : " is not signed by the given CA");
        case kExpired: return whose + " has expired, or this machine's clock is ahead";
        case kNotYetValid: return whose + " is not yet valid, or this machine's clock is behind";
        default: break;
    }
    if (evidence.verify_result <= kUnspecified) {  // the chain is right; libcurl looks at the names itself
        const std::string& wanted = endpoint.peer.server_name.empty() ? endpoint.host : endpoint.peer.server_name;
        return fmt::format("{} is not for {}, but for {}", whose, wanted,
                           evidence.names.empty() ? "other names" : evidence.names);
    }
    return fmt::format("{} is refused{}", whose, in_brackets(evidence.text));
}

std::string tls_failure(const Evidence& evidence, const Endpoint& endpoint) {
    const std::string server = whom(endpoint, evidence.tried);
    switch (evidence.code) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS: return refused_certificate(evidence, endpoint);
        case CURLE_SSL_CERTPROBLEM:
            return fmt::format("the client certificate or its key cannot be used{}", in_brackets(evidence.text));
        case CURLE_SSL_CACERT_BADFILE:
            return fmt::format("the given CA is no certificate in PEM form{}", in_brackets(evidence.text));
        default: break;
    }
    if (has(evidence.text, "wrong version number") || has(evidence.text, "packet length too long")) {
        return fmt::format("{} does not speak TLS: should the URL begin with http://?", server);
    }
    if (has(evidence.text, " alert ")) {
        return fmt::format("{} refused the TLS connection, or our client certificate{}", server,
                           in_brackets(evidence.text));
    }
    return fmt::format("no TLS connection with {}{}", server, in_brackets(evidence.text));
}

// Of what can happen once there is a connection.
Outcome broken(const Evidence& evidence, const Endpoint& endpoint) {
    const std::string server = whom(endpoint, evidence.tried);
    // With TLS 1.3 a server refuses the client's certificate only after the handshake looked complete.
    if (endpoint.tls && has(evidence.text, " alert ")) return {Failure::tls, tls_failure(evidence, endpoint)};
    if (evidence.stage < Stage::answer) {  // a proxy that does not let us through, a connection reset at once
        return {Failure::connect, fmt::format("no connection with {}{}", server, in_brackets(evidence.text))};
    }
    // libcurl has no code of its own for chunks that are none (curl/lib/http_chunks.c, transfer.c).
    if (has(evidence.text, "hunked") || has(evidence.text, "chunk hex")) {
        return {Failure::malformed, fmt::format("the answer of {} is not HTTP{}", server, in_brackets(evidence.text))};
    }
    return {Failure::unanswered,
            fmt::format("the connection with {} ended {}{}", server,
                        evidence.stage == Stage::rest ? "in the middle of the answer" : "without an answer",
                        in_brackets(evidence.text))};
}

}  // namespace

std::string whom(const Endpoint& endpoint, const std::vector<std::string>& tried) {
    if (endpoint.numeric || tried.empty()) return endpoint.server;
    return fmt::format("{} ({})", endpoint.server, fmt::join(tried, ", "));
}

Outcome outcome_of(const Evidence& evidence, const Endpoint& endpoint) {
    const std::string server = whom(endpoint, evidence.tried);
    switch (evidence.code) {
        case CURLE_OK: return {};
        case CURLE_COULDNT_RESOLVE_HOST:
            return {Failure::resolve, fmt::format("the name {} cannot be looked up", endpoint.host)};
        case CURLE_COULDNT_RESOLVE_PROXY:
            return {Failure::resolve,
                    fmt::format("the proxy's name cannot be looked up{}", in_brackets(evidence.text))};
        case CURLE_COULDNT_CONNECT: return connect_failure(evidence, endpoint);
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
        case CURLE_SSL_CLIENTCERT:
        case CURLE_USE_SSL_FAILED: return {Failure::tls, tls_failure(evidence, endpoint)};
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_SEND_FAIL_REWIND: return broken(evidence, endpoint);
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
            return {Failure::malformed,
                    fmt::format("what {} answers is not HTTP{}", server, in_brackets(evidence.text))};
        default: break;
    }
    const Failure failure = evidence.stage < Stage::answer ? Failure::connect : Failure::malformed;
    return {failure, fmt::format("the request to {} failed{}", server, in_brackets(evidence.text))};
}

Outcome outcome_of_deadline(Stage stage, Duration limit, const std::vector<std::string>& tried,
                            const Endpoint& endpoint) {
    const std::string server = whom(endpoint, tried);
    const std::string within = to_rounded_text(limit);
    const auto timeout = [](std::string text) { return Outcome{Failure::timeout, std::move(text)}; };
    switch (stage) {
        case Stage::lookup: return timeout(fmt::format("looking up {} took longer than {}", endpoint.host, within));
        case Stage::connect: return timeout(fmt::format("no connection to {} within {}", server, within));
        case Stage::handshake: return timeout(fmt::format("no TLS connection with {} within {}", server, within));
        case Stage::answer: return timeout(fmt::format("{} did not answer within {}", server, within));
        case Stage::rest: break;
    }
    return timeout(fmt::format("the answer of {} was not complete within {}", server, within));
}

std::string certificate_names(const Easy& easy) {
    const auto* collected = easy.get<CURLINFO_CERTINFO, curl_certinfo*>(nullptr);
    if (collected == nullptr || collected->num_of_certs < 1) return {};
    for (const curl_slist* line = collected->certinfo[0]; line != nullptr; line = line->next) {
        const std::string_view text(line->data);
        constexpr std::string_view kLabel = "Subject Alternative Name:";
        if (const auto at = text.find(kLabel); at != std::string_view::npos) {
            return std::string(text.substr(at + kLabel.size()));
        }
    }
    return {};
}

}  // namespace leasehold::stores::http
