// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/endpoint.h"

#include <array>
#include <memory>

#include <arpa/inet.h>

#include <fmt/format.h>

namespace leasehold::stores::http {
namespace {

// A URL taken apart by the very parser that will read it again when the request is made.
class ParsedUrl {
public:
    explicit ParsedUrl(const CurlLibrary& library) : library_(library), url_(library.url()) {}
    ~ParsedUrl() { library_.url_cleanup(url_); }
    ParsedUrl(const ParsedUrl&) = delete;
    ParsedUrl& operator=(const ParsedUrl&) = delete;

    CURLUcode read(const std::string& text) { return library_.url_set(url_, CURLUPART_URL, text.c_str(), 0); }

    std::string part(CURLUPart which, unsigned flags = 0) const {
        char* text = nullptr;
        if (library_.url_get(url_, which, &text, flags) != CURLUE_OK) return {};
        std::string part = text;
        library_.free(text);
        return part;
    }

private:
    const CurlLibrary& library_;
    CURLU* url_;
};

bool is_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> binary{};
    return inet_pton(AF_INET, host.c_str(), binary.data()) == 1 ||
           inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), binary.data()) == 1;
}

std::string bracketed(const std::string& host) { return host.find(':') == std::string::npos ? host : '[' + host + ']'; }

// "[::1]" -> "::1"
std::string bare(const std::string& host) {
    return host.size() > 2 && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

void apply_tls(const Endpoint& endpoint, Easy& easy) {
    const Peer& peer = endpoint.peer;
    easy.set<CURLOPT_SSLVERSION>(long{CURL_SSLVERSION_TLSv1_2});
    easy.set<CURLOPT_SSL_VERIFYPEER>(peer.verify ? 1L : 0L);
    easy.set<CURLOPT_SSL_VERIFYHOST>(peer.verify ? 2L : 0L);
    easy.set<CURLOPT_CERTINFO>(1L);  // so that a certificate for other names can be told from what it is for
    if (!peer.ca_pem.empty()) {
        easy.set_pem<CURLOPT_CAINFO_BLOB>(peer.ca_pem);
        // The system's folder would be trusted besides (curl/lib/vtls/openssl.c, populate_x509_store()).
        easy.set_text<CURLOPT_CAPATH>(nullptr);
    } else if (!easy.library().ca_file.empty()) {
        easy.set_text<CURLOPT_CAINFO>(easy.library().ca_file);
    }
    if (!peer.certificate_pem.empty()) easy.set_pem<CURLOPT_SSLCERT_BLOB>(peer.certificate_pem);
    if (!peer.key_pem.empty()) easy.set_pem<CURLOPT_SSLKEY_BLOB>(peer.key_pem);
    easy.set_text<CURLOPT_KEYPASSWD>("");  // or OpenSSL would ask for the password of an encrypted key at the terminal
}

void apply_proxy(const Peer& peer, Easy& easy) {
    easy.set<CURLOPT_SUPPRESS_CONNECT_HEADERS>(1L);
    if (!peer.proxy_url.empty()) {
        easy.set_text<CURLOPT_PROXY>(peer.proxy_url);
        easy.set_text<CURLOPT_NOPROXY>("");
    } else if (!peer.proxy_from_environment) {
        easy.set_text<CURLOPT_PROXY>("");
    }
}

}  // namespace

Result<Endpoint> parse_endpoint(const CurlLibrary& library, Peer peer) {
    const auto wrong = [&](const std::string& what) {
        return failure(fmt::format("'{}' is not the URL of a server: {}", peer.base_url, what));
    };
    ParsedUrl parsed(library);
    if (const CURLUcode code = parsed.read(peer.base_url); code != CURLUE_OK) return wrong(library.url_strerror(code));
    const std::string scheme = parsed.part(CURLUPART_SCHEME);
    if (scheme != "https" && scheme != "http") return wrong("it must begin with https:// or http://");
    if (!parsed.part(CURLUPART_USER).empty() || !parsed.part(CURLUPART_PASSWORD).empty()) {
        return failure("the URL of a server must not hold a user or a password");  // and is not repeated here
    }
    if (!parsed.part(CURLUPART_QUERY).empty() || !parsed.part(CURLUPART_FRAGMENT).empty()) {
        return wrong("it must end with a path");
    }
    Endpoint endpoint;
    endpoint.tls = scheme == "https";
    endpoint.host = bare(parsed.part(CURLUPART_HOST));
    if (const std::string zone = parsed.part(CURLUPART_ZONEID); !zone.empty()) endpoint.host += '%' + zone;
    endpoint.numeric = is_address(endpoint.host);
    const std::string port = parsed.part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
    endpoint.server = bracketed(endpoint.host) + ':' + port;
    std::string path = parsed.part(CURLUPART_PATH);
    while (!path.empty() && path.back() == '/') path.pop_back();
    std::string expected = bracketed(endpoint.host);
    if (endpoint.tls && !peer.server_name.empty() && bare(peer.server_name) != endpoint.host) {
        expected = bracketed(bare(peer.server_name));
        endpoint.redirect = fmt::format("{}:{}:{}", expected, port, endpoint.server);
    }
    if (const auto zone = expected.find('%'); zone != std::string::npos) expected.insert(zone + 1, "25");
    endpoint.url = fmt::format("{}://{}:{}{}", scheme, expected, port, path);
    if (const CURLUcode code = ParsedUrl(library).read(endpoint.url); code != CURLUE_OK) {
        return failure(
            fmt::format("'{}' is not the name of a server: {}", peer.server_name, library.url_strerror(code)));
    }
    endpoint.peer = std::move(peer);
    return endpoint;
}

void apply(const Endpoint& endpoint, Easy& easy) {
    easy.set_text<CURLOPT_PROTOCOLS_STR>("http,https");
    easy.set<CURLOPT_HTTP_VERSION>(long{CURL_HTTP_VERSION_1_1});
    easy.set<CURLOPT_NOSIGNAL>(1L);
    easy.set<CURLOPT_NETRC>(long{CURL_NETRC_IGNORED});
    easy.set<CURLOPT_FOLLOWLOCATION>(0L);
    easy.set<CURLOPT_PATH_AS_IS>(1L);
    easy.set<CURLOPT_TCP_KEEPALIVE>(1L);
    easy.set<CURLOPT_TCP_KEEPIDLE>(15L);  // seconds
    easy.set<CURLOPT_TCP_KEEPINTVL>(5L);
    easy.set<CURLOPT_BUFFERSIZE>(16384L);
    // One TLS record: a request is then either counted as sent, or cannot be decrypted by the server.
    easy.set<CURLOPT_UPLOAD_BUFFERSIZE>(16384L);
    // Giving up on a lookup must not wait for it (curl/lib/asyn-thread.c, Curl_resolver_kill()).
    easy.set<CURLOPT_QUICK_EXIT>(1L);
    apply_tls(endpoint, easy);
    apply_proxy(endpoint.peer, easy);
    if (!endpoint.redirect.empty()) easy.connect_to(endpoint.redirect);
}

}  // namespace leasehold::stores::http
