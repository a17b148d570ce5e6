// SPDX-License-Identifier: Apache-2.0
//
// Names for the tests, without a name server: the test program has a getaddrinfo(3) of its own, which libcurl then
// calls. Names that are not set here are looked up as ever.
//
// Threads: any.
#pragma once

#include <string>
#include <vector>

namespace leasehold::stores::http::names {

// The addresses of a name, in this order. None: there is no such name.
void set(const std::string& name, std::vector<std::string> addresses);

// Looking this name up takes until release().
void hang(const std::string& name);

// Ends that; false when somebody could not wait for it.
bool release();

// How often a name was looked up, since hang() if that was called.
int lookups(const std::string& name);

}  // namespace leasehold::stores::http::names
