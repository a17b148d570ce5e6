// SPDX-License-Identifier: Apache-2.0
#include "answers.h"

#include <charconv>

#include "fuzz.h"

namespace leasehold::fuzz {

stores::http::Answer answer_of(std::string_view text) {
    stores::http::Answer answer;
    answer.sent = true;
    const std::string_view status = take_until(text, '\n');
    std::from_chars(status.data(), status.data() + status.size(), answer.status);
    for (std::string_view line = take_until(text, '\n'); !line.empty(); line = take_until(text, '\n')) {
        const std::string_view name = take_until(line, ':');
        answer.headers[std::string(name)] = line;
    }
    answer.body = text;
    return answer;
}

void check_explanation(const std::string& label, const std::string& detail) {
    require(!label.empty(), "a refusal has a label");
    require(label.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos,
            "a refusal's label is one of a metric");
    require(is_line(detail) && detail.size() < 8192,
            "what is said of a refusal is one printable line, not without end");
}

}  // namespace leasehold::fuzz
