// SPDX-License-Identifier: Apache-2.0
//
// The functions of libcurl, found when they are first needed: linking against it would cost every process of leasehold
// a megabyte of private memory and milliseconds to start, and two of the three must have no network code at all.
//
// Threads: any after the first call; that one belongs before other threads exist, because it sets libcurl and OpenSSL
// up (curl_global_init(3)). Nothing is ever unloaded. Blocking: the first call reads the library from the disk.
#pragma once

#include <string>

#include <curl/curl.h>

#include "base/dynamic_library.h"
#include "base/result.h"

namespace leasehold::stores::http {

// Name of the member, and of the function.
#define LEASEHOLD_CURL_FUNCTIONS(X)                  \
    X(global_init, curl_global_init)                 \
    X(version_info, curl_version_info)               \
    X(easy_init, curl_easy_init)                     \
    X(easy_setopt, curl_easy_setopt)                 \
    X(easy_getinfo, curl_easy_getinfo)               \
    X(easy_strerror, curl_easy_strerror)             \
    X(easy_pause, curl_easy_pause)                   \
    X(easy_cleanup, curl_easy_cleanup)               \
    X(multi_init, curl_multi_init)                   \
    X(multi_setopt, curl_multi_setopt)               \
    X(multi_add_handle, curl_multi_add_handle)       \
    X(multi_remove_handle, curl_multi_remove_handle) \
    X(multi_socket_action, curl_multi_socket_action) \
    X(multi_info_read, curl_multi_info_read)         \
    X(multi_strerror, curl_multi_strerror)           \
    X(multi_cleanup, curl_multi_cleanup)             \
    X(share_init, curl_share_init)                   \
    X(share_setopt, curl_share_setopt)               \
    X(share_cleanup, curl_share_cleanup)             \
    X(slist_append, curl_slist_append)               \
    X(slist_free_all, curl_slist_free_all)           \
    X(url, curl_url)                                 \
    X(url_set, curl_url_set)                         \
    X(url_get, curl_url_get)                         \
    X(url_strerror, curl_url_strerror)               \
    X(url_cleanup, curl_url_cleanup)                 \
    X(free, curl_free)

struct CurlLibrary {
    LEASEHOLD_CURL_FUNCTIONS(LEASEHOLD_MEMBER)
    // Whom to trust where no CA was given. Empty: the library was built with a place of its own for that.
    std::string ca_file{};
};

// The library of this process, loaded and set up once. An error says what to install.
Result<const CurlLibrary*> curl_library();

// What curl_library() does once, with another file for tests.
Result<CurlLibrary> load_curl_library(const std::string& file);

}  // namespace leasehold::stores::http
