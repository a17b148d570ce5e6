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

#include "base/result.h"

namespace leasehold::stores::http {

// Each member is the function of libcurl with curl_ before its name.
struct CurlLibrary {
    decltype(&::curl_global_init) global_init;
    decltype(&::curl_version_info) version_info;
    decltype(&::curl_easy_init) easy_init;
    decltype(&::curl_easy_setopt) easy_setopt;
    decltype(&::curl_easy_getinfo) easy_getinfo;
    decltype(&::curl_easy_strerror) easy_strerror;
    decltype(&::curl_easy_pause) easy_pause;
    decltype(&::curl_easy_cleanup) easy_cleanup;
    decltype(&::curl_multi_init) multi_init;
    decltype(&::curl_multi_setopt) multi_setopt;
    decltype(&::curl_multi_add_handle) multi_add_handle;
    decltype(&::curl_multi_remove_handle) multi_remove_handle;
    decltype(&::curl_multi_socket_action) multi_socket_action;
    decltype(&::curl_multi_info_read) multi_info_read;
    decltype(&::curl_multi_strerror) multi_strerror;
    decltype(&::curl_multi_cleanup) multi_cleanup;
    decltype(&::curl_share_init) share_init;
    decltype(&::curl_share_setopt) share_setopt;
    decltype(&::curl_share_cleanup) share_cleanup;
    decltype(&::curl_slist_append) slist_append;
    decltype(&::curl_slist_free_all) slist_free_all;
    decltype(&::curl_url) url;
    decltype(&::curl_url_set) url_set;
    decltype(&::curl_url_get) url_get;
    decltype(&::curl_url_strerror) url_strerror;
    decltype(&::curl_url_cleanup) url_cleanup;
    decltype(&::curl_free) free;
};

// The library of this process, loaded and set up once. An error says what to install.
Result<const CurlLibrary*> curl_library();

// What curl_library() does once, with another file for tests.
Result<CurlLibrary> load_curl_library(const std::string& file);

}  // namespace leasehold::stores::http
