// SPDX-License-Identifier: Apache-2.0
#include "output/line_format.h"

#include "base/json_text.h"

namespace leasehold::output {

LineFormat::LineFormat(const supervisor::OutputOptions& options, const std::string& election)
    : json_(options.format == supervisor::OutputFormat::json) {
    heads_.fill(options.prefix);
    append_json_text(election_, election);
    set_time({});
}

void LineFormat::set_time(const std::string& time) {
    if (!json_) return;
    for (const supervisor::OutputStream stream : supervisor::kOutputStreams) {
        heads_[static_cast<std::size_t>(stream)] = R"({"time":")" + time + R"(","process":"workload","election":")" +
                                                   election_ + R"(","stream":")" + name_of(stream) + "\",";
    }
}

void LineFormat::line(std::string& out, supervisor::OutputStream stream, std::string_view line, bool goes_on) const {
    out += head(stream);
    if (!json_) {
        out += line;
        out += goes_on ? " [...]\n" : "\n";
        return;
    }
    out += R"("message":")";
    append_json_text(out, line);
    out += goes_on ? "\",\"partial\":true}\n" : "\"}\n";
}

void LineFormat::dropped(std::string& out, supervisor::OutputStream stream, std::uint64_t lines) const {
    const std::string count = std::to_string(lines);
    const std::string sentence = count + " lines of " + name_of(stream) + " dropped, because nobody took them in time";
    out += head(stream);
    if (json_) {
        out += "\"dropped\":" + count + R"(,"message":")" + sentence + "\"}\n";
    } else {
        out += "leasehold: " + sentence + '\n';
    }
}

}  // namespace leasehold::output
