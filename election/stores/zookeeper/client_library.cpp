// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/client_library.h"

#include <cstdio>

#include <fmt/format.h>

namespace leasehold::stores::zookeeper {
namespace {

bool find_all(DynamicLibrary& library, ClientLibrary& into) {
    return true LEASEHOLD_ZOOKEEPER_FUNCTIONS(LEASEHOLD_AND_FIND);
}

}  // namespace

Result<ClientLibrary> load_client_library(const std::string& file) {
    DynamicLibrary library(file);
    if (!library) {
        return failure(
            fmt::format("this store needs ZooKeeper's C client, which cannot be loaded ({}); install the "
                        "package libzookeeper-mt2",
                        library.why_not()));
    }
    ClientLibrary found{};
    if (!find_all(library, found)) {
        return failure(
            fmt::format("{} is no ZooKeeper client that leasehold can use ({}); install the package "
                        "libzookeeper-mt2",
                        file, library.why_not()));
    }
    library.find("zoo_set_servers_resolution_delay", found.set_resolution_delay);
    // It says what it has to say by the callback of a handle. Whatever has none is not for our standard error.
    if (FILE* nowhere = std::fopen("/dev/null", "we"); nowhere != nullptr) found.set_log_stream(nowhere);
    return found;
}

Result<const ClientLibrary*> client_library() {
    // Never destroyed: keepers of handles (link.h) may outlive main().
    static const auto* const library = new Result<ClientLibrary>(load_client_library("libzookeeper_mt.so.2"));
    if (!*library) return tl::unexpected<Error>(library->error());
    return &**library;
}

}  // namespace leasehold::stores::zookeeper
