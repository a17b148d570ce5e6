// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/client_library.h"

#include <cstdio>

#include <dlfcn.h>

#include <fmt/format.h>

namespace leasehold::stores::zookeeper {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
}

bool find_all(void* library, ClientLibrary& into) {
    return find(library, "zookeeper_init2", into.init) && find(library, "zookeeper_close", into.close) &&
           find(library, "zoo_add_auth", into.add_auth) && find(library, "zoo_aget", into.get) &&
           find(library, "zoo_awget", into.get_watched) && find(library, "zoo_awexists", into.exists_watched) &&
           find(library, "zoo_aget_children", into.children) && find(library, "zoo_acreate", into.create) &&
           find(library, "zoo_amulti", into.multi) && find(library, "zoo_create_op_init", into.create_op) &&
           find(library, "zoo_set_op_init", into.set_op) && find(library, "zoo_check_op_init", into.check_op) &&
           find(library, "zerror", into.text_of) && find(library, "zoo_set_debug_level", into.set_log_level) &&
           find(library, "zoo_set_log_stream", into.set_log_stream);
}

}  // namespace

Result<ClientLibrary> load_client_library(const std::string& file) {
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* reason = dlerror();
        return failure(
            fmt::format("this store needs ZooKeeper's C client, which cannot be loaded ({}); install the "
                        "package libzookeeper-mt2",
                        reason != nullptr ? reason : file));
    }
    ClientLibrary found{};
    if (!find_all(library, found)) {
        const char* reason = dlerror();
        return failure(
            fmt::format("{} is no ZooKeeper client that leasehold can use ({}); install the package "
                        "libzookeeper-mt2",
                        file, reason != nullptr ? reason : "a function is missing"));
    }
    find(library, "zoo_set_servers_resolution_delay", found.set_resolution_delay);
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
