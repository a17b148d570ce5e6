// SPDX-License-Identifier: Apache-2.0
//
// The address of a unix socket. Plain values, no I/O.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>

namespace leasehold::app {

class UnixAddress {
public:
    // A path, or with an @ a name that is in no folder (unix(7), abstract). Nothing when it is too long.
    static std::optional<UnixAddress> of(const std::string& name) {
        UnixAddress made;
        if (name.empty() || name.size() >= sizeof made.address_.sun_path) return std::nullopt;
        made.address_.sun_family = AF_UNIX;
        name.copy(made.address_.sun_path, name.size());
        if (name.front() == '@') made.address_.sun_path[0] = '\0';
        made.size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        return made;
    }

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
    socklen_t size() const { return size_; }

private:
    sockaddr_un address_{};
    socklen_t size_ = 0;
};

}  // namespace leasehold::app
