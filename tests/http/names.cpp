// SPDX-License-Identifier: Apache-2.0
#include "tests/http/names.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include <dlfcn.h>
#include <netdb.h>

namespace leasehold::stores::http::names {
namespace {

struct Book {
    std::mutex mutex;
    std::condition_variable released;
    std::map<std::string, std::vector<std::string>> addresses;
    std::map<std::string, int> lookups;
    std::set<std::string> hanging;
    bool gave_up = false;
};

Book& book() {
    static Book* const the_book = new Book;  // lookups that nobody waits for may outlive everything else
    return *the_book;
}

using Lookup = int(const char*, const char*, const addrinfo*, addrinfo**);

Lookup* real_lookup() {
    static auto* const real = reinterpret_cast<Lookup*>(dlsym(RTLD_NEXT, "getaddrinfo"));
    return real;
}

}  // namespace

void set(const std::string& name, std::vector<std::string> addresses) {
    const std::lock_guard lock(book().mutex);
    book().addresses[name] = std::move(addresses);
}

void hang(const std::string& name) {
    const std::lock_guard lock(book().mutex);
    book().hanging.insert(name);
    book().lookups[name] = 0;
}

bool release() {
    const std::lock_guard lock(book().mutex);
    book().hanging.clear();
    book().released.notify_all();
    return !book().gave_up;
}

int lookups(const std::string& name) {
    const std::lock_guard lock(book().mutex);
    return book().lookups[name];
}

static int look_up(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
    const std::string name = node != nullptr ? node : "";
    std::vector<std::string> addresses;
    {
        std::unique_lock lock(book().mutex);
        ++book().lookups[name];
        if (book().hanging.contains(name)) {
            const auto released = [&] { return !book().hanging.contains(name); };
            if (!book().released.wait_for(lock, std::chrono::seconds(60), released)) book().gave_up = true;
            return EAI_AGAIN;
        }
        const auto found = book().addresses.find(name);
        if (found == book().addresses.end()) {
            lock.unlock();
            return real_lookup()(node, service, hints, result);
        }
        addresses = found->second;
    }
    *result = nullptr;
    addrinfo** end = result;
    for (const std::string& address : addresses) {
        if (real_lookup()(address.c_str(), service, hints, end) != 0) continue;
        while (*end != nullptr) end = &(*end)->ai_next;
    }
    return *result == nullptr ? EAI_NONAME : 0;
}

}  // namespace leasehold::stores::http::names

// Takes the place of libc's for the whole program, libraries included (tests/CMakeLists.txt exports it).
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
    return leasehold::stores::http::names::look_up(node, service, hints, result);
}
