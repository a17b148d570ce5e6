// SPDX-License-Identifier: Apache-2.0
#include "metrics/microhttpd_library.h"

#include <dlfcn.h>

#include <fmt/format.h>

namespace leasehold::metrics {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
}

bool find_all(void* library, MicrohttpdLibrary& into) {
    return find(library, "MHD_set_panic_func", into.set_panic_func) &&
           find(library, "MHD_start_daemon", into.start_daemon) && find(library, "MHD_stop_daemon", into.stop_daemon) &&
           find(library, "MHD_get_daemon_info", into.get_daemon_info) && find(library, "MHD_run", into.run) &&
           find(library, "MHD_get_timeout", into.get_timeout) &&
           find(library, "MHD_add_connection", into.add_connection) &&
           find(library, "MHD_get_connection_info", into.get_connection_info) &&
           find(library, "MHD_lookup_connection_value", into.lookup_connection_value) &&
           find(library, "MHD_lookup_connection_value_n", into.lookup_connection_value_n) &&
           find(library, "MHD_create_response_from_buffer", into.create_response_from_buffer) &&
           find(library, "MHD_add_response_header", into.add_response_header) &&
           find(library, "MHD_queue_response", into.queue_response) &&
           find(library, "MHD_destroy_response", into.destroy_response);
}

}  // namespace

Result<MicrohttpdLibrary> load_microhttpd_library(const std::string& file) {
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* reason = dlerror();
        return failure(
            fmt::format("http.listen needs libmicrohttpd, which cannot be loaded ({}); install the package "
                        "libmicrohttpd12, or serve nothing: listen: []",
                        reason != nullptr ? reason : file));
    }
    MicrohttpdLibrary found{};
    if (!find_all(library, found)) {
        return failure(
            fmt::format("{} lacks a function that leasehold needs; install the package libmicrohttpd12", file));
    }
    return found;
}

Result<const MicrohttpdLibrary*> microhttpd_library() {
    static const Result<MicrohttpdLibrary> library = load_microhttpd_library("libmicrohttpd.so.12");
    if (!library) return tl::unexpected<Error>(library.error());
    return &*library;
}

}  // namespace leasehold::metrics
