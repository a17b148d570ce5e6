// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/curl_library.h"

#include <fmt/format.h>

#include "base/dynamic_library.h"

namespace leasehold::stores::http {
namespace {

// CURLOPT_QUICK_EXIT, without which giving up while a name is being looked up waits for the lookup (7.87.0).
constexpr unsigned kLeastVersion = 0x075700;

bool find_all(DynamicLibrary& library, CurlLibrary& into) {
    return library.find("curl_global_init", into.global_init) && library.find("curl_version_info", into.version_info) &&
           library.find("curl_easy_init", into.easy_init) && library.find("curl_easy_setopt", into.easy_setopt) &&
           library.find("curl_easy_getinfo", into.easy_getinfo) &&
           library.find("curl_easy_strerror", into.easy_strerror) && library.find("curl_easy_pause", into.easy_pause) &&
           library.find("curl_easy_cleanup", into.easy_cleanup) && library.find("curl_multi_init", into.multi_init) &&
           library.find("curl_multi_setopt", into.multi_setopt) &&
           library.find("curl_multi_add_handle", into.multi_add_handle) &&
           library.find("curl_multi_remove_handle", into.multi_remove_handle) &&
           library.find("curl_multi_socket_action", into.multi_socket_action) &&
           library.find("curl_multi_info_read", into.multi_info_read) &&
           library.find("curl_multi_strerror", into.multi_strerror) &&
           library.find("curl_multi_cleanup", into.multi_cleanup) && library.find("curl_share_init", into.share_init) &&
           library.find("curl_share_setopt", into.share_setopt) &&
           library.find("curl_share_cleanup", into.share_cleanup) &&
           library.find("curl_slist_append", into.slist_append) &&
           library.find("curl_slist_free_all", into.slist_free_all) && library.find("curl_url", into.url) &&
           library.find("curl_url_set", into.url_set) && library.find("curl_url_get", into.url_get) &&
           library.find("curl_url_strerror", into.url_strerror) && library.find("curl_url_cleanup", into.url_cleanup) &&
           library.find("curl_free", into.free);
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
    return found;
}

Result<const CurlLibrary*> curl_library() {
    static const Result<CurlLibrary> library = load_curl_library("libcurl.so.4");
    if (!library) return tl::unexpected<Error>(library.error());
    return &*library;
}

}  // namespace leasehold::stores::http
