// SPDX-License-Identifier: Apache-2.0
//
// A shared library that is loaded when it is first needed, and stays: what no process of leasehold needs at its start
// costs none of them anything. In an executable that is one file and needs no libraries of the system, some are linked
// instead (link_in()), and everybody else finds them in the same way.
//
// Threads: any, one at a time for each object; link_in() belongs before other threads exist. Blocking: the constructor
// reads the library from the disk.
//
// Who uses a library lists what it needs of it once, as a macro that applies another to each function:
//
//   #define LEASEHOLD_CURL_FUNCTIONS(X) X(easy_init, curl_easy_init) X(free, curl_free)
//   struct CurlLibrary { LEASEHOLD_CURL_FUNCTIONS(LEASEHOLD_MEMBER) };
//
// LEASEHOLD_AND_FIND finds them all (`return true LEASEHOLD_CURL_FUNCTIONS(LEASEHOLD_AND_FIND);`, with a DynamicLibrary
// `library` and the struct `into`), LEASEHOLD_LINKED makes the list for link_in().
#pragma once

#include <string>
#include <vector>

#define LEASEHOLD_MEMBER(member, function) decltype(&::function) member;
#define LEASEHOLD_AND_FIND(member, function) &&library.find(#function, into.member)
#define LEASEHOLD_LINKED(member, function) {#function, reinterpret_cast<void*>(&::function)},

namespace leasehold {

struct LinkedFunction {
    std::string name;
    void* address;
};

// From now on `file` is not looked for on the disk: its functions are these.
void link_in(const std::string& file, std::vector<LinkedFunction> functions);

class DynamicLibrary {
public:
    // By its file's name, as dlopen(3) looks for it.
    explicit DynamicLibrary(const std::string& file);

    explicit operator bool() const { return library_ != nullptr || linked_ != nullptr; }

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

    const std::vector<LinkedFunction>* linked_;
    void* library_;
    std::string why_not_;
};

}  // namespace leasehold
