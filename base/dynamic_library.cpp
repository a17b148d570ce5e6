// SPDX-License-Identifier: Apache-2.0
#include "base/dynamic_library.h"

#include <algorithm>
#include <map>
#include <utility>

#include <dlfcn.h>

namespace leasehold {
namespace {

using LinkedLibraries = std::map<std::string, std::vector<LinkedFunction>>;

LinkedLibraries& linked_libraries() {
    static LinkedLibraries libraries;
    return libraries;
}

const std::vector<LinkedFunction>* linked_in(const std::string& file) {
    const LinkedLibraries& libraries = linked_libraries();
    const auto found = libraries.find(file);
    return found != libraries.end() ? &found->second : nullptr;
}

std::string reason_or(const std::string& otherwise) {
    const char* reason = dlerror();
    return reason != nullptr ? reason : otherwise;
}

}  // namespace

void link_in(const std::string& file, std::vector<LinkedFunction> functions) {
    linked_libraries()[file] = std::move(functions);
}

DynamicLibrary::DynamicLibrary(const std::string& file)
    : linked_(linked_in(file)), library_(linked_ == nullptr ? dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr) {
    if (!*this) why_not_ = reason_or(file);
}

void* DynamicLibrary::look_up(const char* name) {
    void* found = nullptr;
    if (linked_ != nullptr) {
        const auto function = std::find_if(linked_->begin(), linked_->end(),
                                           [name](const LinkedFunction& linked) { return linked.name == name; });
        if (function != linked_->end()) found = function->address;
    } else {
        found = dlsym(library_, name);
    }
    if (found == nullptr) why_not_ = linked_ == nullptr ? reason_or(name) : std::string(name) + " is not linked in";
    return found;
}

}  // namespace leasehold
