// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/curl_library.h"

#include <array>

#include <fmt/format.h>
#include <unistd.h>

namespace leasehold::stores::http {
namespace {

// CURLOPT_QUICK_EXIT, without which giving up while a name is being looked up waits for the lookup (7.87.0).
constexpr unsigned kLeastVersion = 0x075700;

bool find_all(DynamicLibrary& library, CurlLibrary& into) { return true LEASEHOLD_CURL_FUNCTIONS(LEASEHOLD_AND_FIND); }

// One file for every image cannot have been built with the place that its distribution keeps them at. These are those
// that Go's crypto/x509 looks at (root_linux.go); with none of them the first is named in what a request fails with.
std::string installed_certificates() {
    constexpr std::array kPlaces{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                 "/etc/ssl/ca-bundle.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                 "/etc/ssl/cert.pem"};
    for (const char* place : kPlaces) {
        if (access(place, R_OK) == 0) return place;
    }
    return kPlaces.front();
}

}  // namespace

Result<CurlLibrary> load_curl_library(const std::string& file) {
    DynamicLibrary library(file);
    if (!library) {
        return failure(fmt::format(
            "this store needs libcurl, which cannot be loaded ({}); install the package libcurl4", library.why_not()));
    }
    CurlLibrary found{};
    if (!find_all(library, found)) {
        return failure(fmt::format("{} is no libcurl that leasehold can use ({}); install the package libcurl4", file,
                                   library.why_not()));
    }
    const curl_version_info_data* version = found.version_info(CURLVERSION_NOW);
    if (version->version_num < kLeastVersion || (version->features & CURL_VERSION_SSL) == 0) {
        return failure(fmt::format("{} is libcurl {}; leasehold needs 7.87 or newer with TLS", file, version->version));
    }
    if (const CURLcode code = found.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
        return failure(fmt::format("libcurl cannot be set up: {}", found.easy_strerror(code)));
    }
    if (version->cainfo == nullptr && version->capath == nullptr) found.ca_file = installed_certificates();
    return found;
}

Result<const CurlLibrary*> curl_library() {
    static const Result<CurlLibrary> library = load_curl_library("libcurl.so.4");
    if (!library) return tl::unexpected<Error>(library.error());
    return &*library;
}

}  // namespace leasehold::stores::http
