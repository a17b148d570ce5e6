// SPDX-License-Identifier: Apache-2.0
//
// A value or one sentence that says what went wrong and what to do. Plain: no clock, no I/O.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <tl/expected.hpp>

namespace leasehold {

struct Error {
    std::string message;  // for people, without trailing punctuation
    int code = 0;         // errno where a system call failed, otherwise 0
};

template <class Value>
using Result = tl::expected<Value, Error>;

// A failure to return from a function whose return type is Result<...>.
inline tl::unexpected<Error> failure(std::string message, int code = 0) {
    return tl::unexpected<Error>(Error{std::move(message), code});
}

// The same for a system call that has just failed: "<what>: <text of errno>".
inline tl::unexpected<Error> system_failure(const std::string& what, int code = errno) {
    return failure(what + ": " + std::generic_category().message(code), code);
}

}  // namespace leasehold
