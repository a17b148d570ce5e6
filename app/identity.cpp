// SPDX-License-Identifier: Apache-2.0
#include "app/identity.h"

#include <array>
#include <vector>

#include <fmt/core.h>
#include <sys/random.h>
#include <unistd.h>

#include "config/forms.h"

namespace leasehold::app {

Result<std::string> random_hex(std::size_t bytes) {
    std::vector<unsigned char> noise(bytes);
    if (getrandom(noise.data(), noise.size(), 0) != static_cast<ssize_t>(bytes)) return system_failure("getrandom");
    std::string text;
    for (const unsigned char byte : noise) text += fmt::format("{:02x}", byte);
    return text;
}

Result<std::string> host_name() {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) return system_failure("gethostname");
    return std::string(host.data());
}

Result<std::string> make_identity() {
    auto host = host_name();
    if (!host) return host;
    auto unique = random_hex(4);
    if (!unique) return unique;
    std::string identity = *host + '_' + *unique;
    if (const auto usable = config::identity_form().read(identity); !usable) {
        return failure("the name of this host cannot be part of an identity, because it " + usable.error().message +
                       "; set identity");
    }
    return identity;
}

Result<std::string> identity_or_made(const std::string& configured) {
    if (!configured.empty()) return configured;
    return make_identity();
}

}  // namespace leasehold::app
