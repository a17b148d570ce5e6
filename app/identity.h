// SPDX-License-Identifier: Apache-2.0
//
// Names that tell one start of leasehold from every other one.
#pragma once

#include <string>

#include "base/result.h"

namespace leasehold::app {

// `bytes` random bytes from the kernel as hexadecimal digits. Fails only as getrandom(2) does.
Result<std::string> random_hex(std::size_t bytes);

// The name of this host: in a pod, the pod's. Fails only as gethostname(2) does.
Result<std::string> host_name();

// "<host name>_<unique id>": what a candidate is called when the configuration does not say. Two pods or hosts that
// share a name still differ (kubernetes/kubernetes#61151).
Result<std::string> make_identity();

// What the configuration says, or else one that was made.
Result<std::string> identity_or_made(const std::string& configured);

}  // namespace leasehold::app
