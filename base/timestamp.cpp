// SPDX-License-Identifier: Apache-2.0
#include "base/timestamp.h"

#include <ctime>

#include <fmt/core.h>

namespace leasehold {

std::string timestamp(std::chrono::system_clock::time_point at) {
    using namespace std::chrono;
    const std::time_t seconds = system_clock::to_time_t(at);
    const auto ms = duration_cast<milliseconds>(at.time_since_epoch()).count() % 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                       utc.tm_hour, utc.tm_min, utc.tm_sec, ms);
}

}  // namespace leasehold
