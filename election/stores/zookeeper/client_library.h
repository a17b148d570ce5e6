// SPDX-License-Identifier: Apache-2.0
//
// The functions of ZooKeeper's C client with threads, found when they are first needed: guardian and supervisor must
// have no network code, and agents of other stores need not have it installed.
//
// Threads: any. Nothing is ever unloaded. Blocking: the first call reads the library from the disk.
#pragma once

#include <string>

#ifndef THREADED
#define THREADED  // which of its two clients the header speaks of
#endif
#include <zookeeper/zookeeper.h>

#include "base/dynamic_library.h"
#include "base/result.h"

namespace leasehold::stores::zookeeper {

// Name of the member, and of the function.
#define LEASEHOLD_ZOOKEEPER_FUNCTIONS(X)  \
    X(init, zookeeper_init2)              \
    X(close, zookeeper_close)             \
    X(add_auth, zoo_add_auth)             \
    X(get, zoo_aget)                      \
    X(get_watched, zoo_awget)             \
    X(exists_watched, zoo_awexists)       \
    X(children, zoo_aget_children)        \
    X(create, zoo_acreate)                \
    X(multi, zoo_amulti)                  \
    X(create_op, zoo_create_op_init)      \
    X(set_op, zoo_set_op_init)            \
    X(check_op, zoo_check_op_init)        \
    X(text_of, zerror)                    \
    X(set_log_level, zoo_set_debug_level) \
    X(set_log_stream, zoo_set_log_stream)

struct ClientLibrary {
    LEASEHOLD_ZOOKEEPER_FUNCTIONS(LEASEHOLD_MEMBER)
    decltype(&::zoo_set_servers_resolution_delay) set_resolution_delay;  // null where the library has none
};

// The library of this process, loaded once. An error says what to install.
Result<const ClientLibrary*> client_library();

// What client_library() does once, with another file for tests.
Result<ClientLibrary> load_client_library(const std::string& file);

}  // namespace leasehold::stores::zookeeper
