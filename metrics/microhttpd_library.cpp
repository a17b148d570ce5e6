// SPDX-License-Identifier: Apache-2.0
#include "metrics/microhttpd_library.h"

#include <fmt/format.h>

#include "base/dynamic_library.h"

namespace leasehold::metrics {
namespace {

bool find_all(DynamicLibrary& library, MicrohttpdLibrary& into) {
    return library.find("MHD_is_feature_supported", into.is_feature_supported) &&
           library.find("MHD_set_panic_func", into.set_panic_func) &&
           library.find("MHD_start_daemon", into.start_daemon) && library.find("MHD_stop_daemon", into.stop_daemon) &&
           library.find("MHD_get_daemon_info", into.get_daemon_info) && library.find("MHD_run", into.run) &&
           library.find("MHD_get_timeout", into.get_timeout) &&
           library.find("MHD_add_connection", into.add_connection) &&
           library.find("MHD_get_connection_info", into.get_connection_info) &&
           library.find("MHD_lookup_connection_value", into.lookup_connection_value) &&
           library.find("MHD_lookup_connection_value_n", into.lookup_connection_value_n) &&
           library.find("MHD_create_response_from_buffer", into.create_response_from_buffer) &&
           library.find("MHD_add_response_header", into.add_response_header) &&
           library.find("MHD_queue_response", into.queue_response) &&
           library.find("MHD_destroy_response", into.destroy_response);
}

}  // namespace

Result<MicrohttpdLibrary> load_microhttpd_library(const std::string& file) {
    DynamicLibrary library(file);
    if (!library) {
        return failure(
            fmt::format("http.listen needs libmicrohttpd, which cannot be loaded ({}); install the package "
                        "libmicrohttpd12, or serve nothing: listen: []",
                        library.why_not()));
    }
    MicrohttpdLibrary found{};
    if (!find_all(library, found)) {
        return failure(
            fmt::format("{} is no libmicrohttpd that leasehold can use ({}); install the package libmicrohttpd12", file,
                        library.why_not()));
    }
    return found;
}

Result<const MicrohttpdLibrary*> microhttpd_library() {
    static const Result<MicrohttpdLibrary> library = load_microhttpd_library("libmicrohttpd.so.12");
    if (!library) return tl::unexpected<Error>(library.error());
    return &*library;
}

}  // namespace leasehold::metrics
