// SPDX-License-Identifier: Apache-2.0
#include "base/dynamic_library.h"

#include <dlfcn.h>

namespace leasehold {
namespace {

std::string reason_or(const std::string& otherwise) {
    const char* reason = dlerror();
    return reason != nullptr ? reason : otherwise;
}

}  // namespace

DynamicLibrary::DynamicLibrary(const std::string& file) : library_(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) why_not_ = reason_or(file);
}

void* DynamicLibrary::look_up(const char* name) {
    void* const found = dlsym(library_, name);
    if (found == nullptr) why_not_ = reason_or(std::string(name) + " is nothing there");
    return found;
}

}  // namespace leasehold
