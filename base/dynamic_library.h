// SPDX-License-Identifier: Apache-2.0
//
// A shared library that is loaded when it is first needed, and stays: what no process of leasehold needs at its start
// costs none of them anything.
//
// Threads: any, one at a time for each object. Blocking: the constructor reads the library from the disk.
#pragma once

#include <string>

namespace leasehold {

class DynamicLibrary {
public:
    // By its file's name, as dlopen(3) looks for it.
    explicit DynamicLibrary(const std::string& file);

    explicit operator bool() const { return library_ != nullptr; }

    // Sets `function` to the one with this name; false when there is none. REQUIRES: the library was loaded.
    template <class Function>
    bool find(const char* name, Function& function) {
        function = reinterpret_cast<Function>(look_up(name));
        return function != nullptr;
    }

    // Why the library was not loaded, or the last function was not found.
    const std::string& why_not() const { return why_not_; }

private:
    void* look_up(const char* name);

    void* library_;
    std::string why_not_;
};

}  // namespace leasehold
