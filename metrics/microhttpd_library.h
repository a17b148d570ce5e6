// SPDX-License-Identifier: Apache-2.0
//
// The functions of libmicrohttpd, found when something is first served: linking against it would have every process of
// leasehold load it and ten libraries that it brings (TLS among them), which is half of what their start costs, and two
// of the three must have no network code at all.
//
// Threads: any. Nothing is ever unloaded. Blocking: the first call reads the library from the disk.
#pragma once

#include <string>

#include <microhttpd.h>

#include "base/result.h"

namespace leasehold::metrics {

// Each member is the function of libmicrohttpd with MHD_ before its name.
struct MicrohttpdLibrary {
    decltype(&::MHD_is_feature_supported) is_feature_supported;
    decltype(&::MHD_set_panic_func) set_panic_func;
    decltype(&::MHD_start_daemon) start_daemon;
    decltype(&::MHD_stop_daemon) stop_daemon;
    decltype(&::MHD_get_daemon_info) get_daemon_info;
    decltype(&::MHD_run) run;
    decltype(&::MHD_get_timeout) get_timeout;
    decltype(&::MHD_add_connection) add_connection;
    decltype(&::MHD_get_connection_info) get_connection_info;
    decltype(&::MHD_lookup_connection_value) lookup_connection_value;
    decltype(&::MHD_lookup_connection_value_n) lookup_connection_value_n;
    decltype(&::MHD_create_response_from_buffer) create_response_from_buffer;
    decltype(&::MHD_add_response_header) add_response_header;
    decltype(&::MHD_queue_response) queue_response;
    decltype(&::MHD_destroy_response) destroy_response;
};

// The library of this process, loaded once. An error says what to install.
Result<const MicrohttpdLibrary*> microhttpd_library();

// What microhttpd_library() does once, with another file for tests.
Result<MicrohttpdLibrary> load_microhttpd_library(const std::string& file);

}  // namespace leasehold::metrics
