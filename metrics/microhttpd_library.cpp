// SPDX-License-Identifier: Apache-2.0
#include "metrics/microhttpd_library.h"

#include <fmt/format.h>

namespace leasehold::metrics {
namespace {

bool find_all(DynamicLibrary& library, MicrohttpdLibrary& into) {
    return true LEASEHOLD_MICROHTTPD_FUNCTIONS(LEASEHOLD_AND_FIND);
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
