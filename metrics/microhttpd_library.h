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

#include "base/dynamic_library.h"
#include "base/result.h"

namespace leasehold::metrics {

// Name of the member, and of the function.
#define LEASEHOLD_MICROHTTPD_FUNCTIONS(X)                           \
    X(is_feature_supported, MHD_is_feature_supported)               \
    X(set_panic_func, MHD_set_panic_func)                           \
    X(start_daemon, MHD_start_daemon)                               \
    X(stop_daemon, MHD_stop_daemon)                                 \
    X(get_daemon_info, MHD_get_daemon_info)                         \
    X(run, MHD_run)                                                 \
    X(get_timeout, MHD_get_timeout)                                 \
    X(add_connection, MHD_add_connection)                           \
    X(get_connection_info, MHD_get_connection_info)                 \
    X(lookup_connection_value, MHD_lookup_connection_value)         \
    X(lookup_connection_value_n, MHD_lookup_connection_value_n)     \
    X(create_response_from_buffer, MHD_create_response_from_buffer) \
    X(add_response_header, MHD_add_response_header)                 \
    X(queue_response, MHD_queue_response)                           \
    X(destroy_response, MHD_destroy_response)

struct MicrohttpdLibrary {
    LEASEHOLD_MICROHTTPD_FUNCTIONS(LEASEHOLD_MEMBER)
};

// The library of this process, loaded once. An error says what to install.
Result<const MicrohttpdLibrary*> microhttpd_library();

// What microhttpd_library() does once, with another file for tests.
Result<MicrohttpdLibrary> load_microhttpd_library(const std::string& file);

}  // namespace leasehold::metrics
