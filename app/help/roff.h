// SPDX-License-Identifier: Apache-2.0
//
// Writes a page of the manual in the language of man(7).
#pragma once

#include <string>
#include <string_view>

namespace leasehold::app::help {

// Text may hold `code`, which is printed bold; nothing else in it has a meaning. Empty lines in it begin paragraphs.
class ManualPage {
public:
    ManualPage(std::string_view name, int section, std::string_view source);

    void name(std::string_view name, std::string_view what);  // the section NAME, by which the page is found
    void section(std::string_view title);
    void subsection(std::string_view title);
    void paragraph(std::string_view text);
    void line(std::string_view text);  // of its own, without a gap to the one before
    void item(std::string_view term, std::string_view text);
    void example(std::string_view lines);  // as it is, line by line

    const std::string& text() const { return text_; }

private:
    std::string text_;
};

}  // namespace leasehold::app::help
