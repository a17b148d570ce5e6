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

#include "base/result.h"

namespace leasehold::stores::zookeeper {

struct ClientLibrary {
    decltype(&::zookeeper_init2) init;
    decltype(&::zookeeper_close) close;
    decltype(&::zoo_add_auth) add_auth;
    decltype(&::zoo_aget) get;
    decltype(&::zoo_awget) get_watched;
    decltype(&::zoo_awexists) exists_watched;
    decltype(&::zoo_aget_children) children;
    decltype(&::zoo_acreate) create;
    decltype(&::zoo_amulti) multi;
    decltype(&::zoo_create_op_init) create_op;
    decltype(&::zoo_set_op_init) set_op;
    decltype(&::zoo_check_op_init) check_op;
    decltype(&::zerror) text_of;
    decltype(&::zoo_set_debug_level) set_log_level;
    decltype(&::zoo_set_log_stream) set_log_stream;
    decltype(&::zoo_set_servers_resolution_delay) set_resolution_delay;  // null where the library has none
};

// The library of this process, loaded once. An error says what to install.
Result<const ClientLibrary*> client_library();

// What client_library() does once, with another file for tests.
Result<ClientLibrary> load_client_library(const std::string& file);

}  // namespace leasehold::stores::zookeeper
