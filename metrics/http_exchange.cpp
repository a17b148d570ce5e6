// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_exchange.h"

#include <cstring>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include "metrics/compression.h"
#include "metrics/negotiation.h"

namespace leasehold::metrics {
namespace {

// What is shorter fits into a packet as it is.
constexpr std::size_t kWorthCompressing = 1000;

std::string header(MHD_Connection* connection, const char* name) {
    const char* value = mhd().lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value == nullptr ? std::string() : std::string(value);
}

bool has_query_argument(MHD_Connection* connection, std::string_view name) {
    const char* value = nullptr;
    std::size_t length = 0;
    return mhd().lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, name.data(), name.size(), &value,
                                           &length) == MHD_YES;
}

void add_vary(std::string& vary, std::string_view name) {
    if (!vary.empty()) vary += ", ";
    vary += name;
}

// Returns whether the body is compressed now. That it depends on the client is said in any case.
bool compress(HttpResponse& answer, MHD_Connection* connection) {
    if (answer.body.size() < kWorthCompressing) return false;
    add_vary(answer.vary, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    if (!accepts_gzip(header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING))) return false;
    auto packed = gzip(answer.body);
    if (!packed) return false;
    answer.body = std::move(*packed);
    return true;
}

}  // namespace

HttpRequest describe_request(MHD_Connection* connection, const char* url, const char* method) {
    HttpRequest request;
    request.method = method;
    request.path = url;
    request.verbose = has_query_argument(connection, "verbose");
    request.accept = header(connection, MHD_HTTP_HEADER_ACCEPT);
    request.authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    return request;
}

bool announces_body(MHD_Connection* connection) {
    const std::string length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (!length.empty() && length != "0") || !header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING).empty();
}

MHD_Result send_response(MHD_Connection* connection, HttpResponse answer, bool with_body, bool allow) {
    if (!with_body) answer.body.clear();
    const bool compressed = compress(answer, connection);
    // The library copies the buffer, and only reads it.
    MHD_Response* response =
        mhd().create_response_from_buffer(answer.body.size(), answer.body.data(), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    const auto add = [response](const char* name, const std::string& value) {
        if (!value.empty()) mhd().add_response_header(response, name, value.c_str());
    };
    add(MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type);
    if (compressed) add(MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    add(MHD_HTTP_HEADER_VARY, answer.vary);
    // An answer of the past would name a leader of the past.
    add(MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    add("X-Content-Type-Options", "nosniff");
    add("Referrer-Policy", "no-referrer");
    add("Content-Security-Policy", answer.policy);
    add(MHD_HTTP_HEADER_WWW_AUTHENTICATE, answer.challenge);
    if (allow) add(MHD_HTTP_HEADER_ALLOW, kAllowedMethods);
    const MHD_Result queued = mhd().queue_response(connection, static_cast<unsigned>(answer.status), response);
    mhd().destroy_response(response);
    return queued;
}

std::uint64_t peer_of(const sockaddr* address) {
    constexpr std::uint64_t kIpv4 = 0xffff'ffff'0000'0000;  // as an IPv6 prefix this would be multicast: nobody's
    if (address == nullptr) return 0;
    const auto number = [](const std::uint8_t* bytes, std::size_t count) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[i];
        return value;
    };
    if (address->sa_family == AF_INET) {
        return kIpv4 | ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr);
    }
    if (address->sa_family != AF_INET6) return 0;
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    return IN6_IS_ADDR_V4MAPPED(&v6) ? kIpv4 | number(v6.s6_addr + 12, 4) : number(v6.s6_addr, 8);
}

}  // namespace leasehold::metrics
