// SPDX-License-Identifier: Apache-2.0
#include <gnutls/gnutls.h>
#include <nss.h>

#include "app/main/libraries.h"
#include "base/dynamic_library.h"
#include "base/log.h"
#include "election/stores/http/curl_library.h"
#include "election/stores/zookeeper/client_library.h"
#include "metrics/microhttpd_library.h"

// libmicrohttpd sets it up when something is served by it; else every process would, before main().
extern "C" {
GNUTLS_SKIP_GLOBAL_INIT
}

namespace leasehold::app {
namespace {

// Names are looked up by what is in this file: /etc/hosts and DNS, /etc/passwd and /etc/group. What /etc/nsswitch.conf
// says besides would have the C library load modules of the system, which are of another C library (nss(5)).
void look_up_names_alone() {
    for (const char* database : {"passwd", "group", "initgroups", "services", "protocols"}) {
        if (__nss_configure_lookup(database, "files") != 0) log::warn("{}: cannot be set to files alone", database);
    }
    if (__nss_configure_lookup("hosts", "files dns") != 0) log::warn("hosts: cannot be set to files and dns alone");
}

}  // namespace

void prepare_libraries() {
    look_up_names_alone();
    link_in("libcurl.so.4", {LEASEHOLD_CURL_FUNCTIONS(LEASEHOLD_LINKED)});
    link_in("libmicrohttpd.so.12", {LEASEHOLD_MICROHTTPD_FUNCTIONS(LEASEHOLD_LINKED)});
    link_in("libzookeeper_mt.so.2",
            {LEASEHOLD_ZOOKEEPER_FUNCTIONS(LEASEHOLD_LINKED) LEASEHOLD_LINKED(, zoo_set_servers_resolution_delay)});
}

}  // namespace leasehold::app
