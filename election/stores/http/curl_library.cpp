// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/curl_library.h"

#include <dlfcn.h>

#include <fmt/format.h>

namespace leasehold::stores::http {
namespace {

// CURLOPT_QUICK_EXIT, without which giving up while a name is being looked up waits for the lookup (7.87.0).
constexpr unsigned kLeastVersion = 0x075700;

template <class Function>
bool find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
}

bool find_all(void* library, CurlLibrary& into) {
    return find(library, "curl_global_init", into.global_init) &&
           find(library, "curl_version_info", into.version_info) && find(library, "curl_easy_init", into.easy_init) &&
           find(library, "curl_easy_setopt", into.easy_setopt) &&
           find(library, "curl_easy_getinfo", into.easy_getinfo) &&
           find(library, "curl_easy_strerror", into.easy_strerror) &&
           find(library, "curl_easy_pause", into.easy_pause) && find(library, "curl_easy_cleanup", into.easy_cleanup) &&
           find(library, "curl_multi_init", into.multi_init) && find(library, "curl_multi_setopt", into.multi_setopt) &&
           find(library, "curl_multi_add_handle", into.multi_add_handle) &&
           find(library, "curl_multi_remove_handle", into.multi_remove_handle) &&
           find(library, "curl_multi_socket_action", into.multi_socket_action) &&
           find(library, "curl_multi_info_read", into.multi_info_read) &&
           find(library, "curl_multi_strerror", into.multi_strerror) &&
           find(library, "curl_multi_cleanup", into.multi_cleanup) &&
           find(library, "curl_share_init", into.share_init) && find(library, "curl_share_setopt", into.share_setopt) &&
           find(library, "curl_share_cleanup", into.share_cleanup) &&
           find(library, "curl_slist_append", into.slist_append) &&
           find(library, "curl_slist_free_all", into.slist_free_all) && find(library, "curl_url", into.url) &&
           find(library, "curl_url_set", into.url_set) && find(library, "curl_url_get", into.url_get) &&
           find(library, "curl_url_strerror", into.url_strerror) &&
           find(library, "curl_url_cleanup", into.url_cleanup) && find(library, "curl_free", into.free);
}

}  // namespace

Result<CurlLibrary> load_curl_library(const std::string& file) {
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* reason = dlerror();
        return failure(
            fmt::format("this store needs libcurl, which cannot be loaded ({}); install the package libcurl4",
                        reason != nullptr ? reason : file));
    }
    CurlLibrary found{};
    if (!find_all(library, found)) {
        const char* reason = dlerror();
        return failure(fmt::format("{} is no libcurl that leasehold can use ({}); install the package libcurl4", file,
                                   reason != nullptr ? reason : "a function is missing"));
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
