// SPDX-License-Identifier: Apache-2.0
//
// A server that has too much to do may say for how long it wants to be left alone (RFC 9110, 10.2.3). Plain: no clock,
// no I/O.
#pragma once

#include <chrono>

#include "election/stores/http/client.h"

namespace leasehold::stores::http {

// Of a 429 or 503 that names a number of seconds, at most `most`; zero otherwise. The other form, a date, counts as
// nothing said: an API server never sends it (Kubernetes: apiserver, responsewriters and filters).
std::chrono::seconds retry_after(const Answer& answer, std::chrono::seconds most);

}  // namespace leasehold::stores::http
