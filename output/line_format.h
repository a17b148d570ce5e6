// SPDX-License-Identifier: Apache-2.0
//
// What a line of the workload becomes (workload.output.format): text with a prefix, or a JSON object
//
//   time        when it was read, RFC 3339
//   process     "workload", where leasehold's own log has "guardian", "supervisor" or "agent"
//   election    the lock's name
//   stream      "stdout" or "stderr"
//   message     the line; what is not UTF-8 as U+FFFD
//   partial     true in all but the last piece of a line that was too long
//   dropped     in the message that says so: how many lines were dropped before it
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "supervisor/output_options.h"
#include "supervisor/output_page.h"

namespace leasehold::output {

class LineFormat {
public:
    LineFormat(const supervisor::OutputOptions& options, const std::string& election);

    // What follows was read then.
    void set_time(const std::string& time);

    // Both append a whole line.
    void line(std::string& out, supervisor::OutputStream stream, std::string_view line, bool goes_on) const;
    void dropped(std::string& out, supervisor::OutputStream stream, std::uint64_t lines) const;

private:
    const std::string& head(supervisor::OutputStream stream) const { return heads_[static_cast<std::size_t>(stream)]; }

    const bool json_;
    std::string election_;                                              // escaped
    std::array<std::string, supervisor::kOutputStreams.size()> heads_;  // of a line: the prefix, or half an object
};

}  // namespace leasehold::output
