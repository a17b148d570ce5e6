// SPDX-License-Identifier: Apache-2.0
#include "app/help/roff.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace leasehold::app::help {
namespace {

// One line, in which nothing has a meaning but, if `marked`, `code`.
std::string escaped(std::string_view text, bool marked) {
    std::string out;
    if (text.starts_with('.') || text.starts_with('\'')) out = "\\&";  // would be a request
    bool in_code = false;
    for (const char c : text) {
        if (c == '`' && marked) {
            in_code = !in_code;
            out += in_code ? "\\fB" : "\\fR";
        } else if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";  // a minus, which can be copied; a hyphen is another character
        } else if (c == '\'') {
            out += "\\(aq";
        } else if (c == '`') {
            out += "\\(ga";
        } else if (c == '^') {
            out += "\\(ha";
        } else if (c == '~') {
            out += "\\(ti";
        } else {
            out += c;
        }
    }
    return out;
}

std::string lines(std::string_view text, bool marked) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string one = escaped(text.substr(0, end), marked);
        out += one.empty() && marked ? ".PP\n" : one + '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::string in_capitals(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::toupper(c); });
    return out;
}

}  // namespace

ManualPage::ManualPage(std::string_view name, int section, std::string_view source)
    : text_(fmt::format(".TH {} {} \"\" \"{}\"\n.nh\n.ad l\n", in_capitals(name), section, source)) {}

void ManualPage::name(std::string_view name, std::string_view what) {
    section("NAME");
    text_ += fmt::format("{} \\- {}\n", escaped(name, false), escaped(what, false));
}

void ManualPage::section(std::string_view title) { text_ += fmt::format(".SH {}\n", escaped(title, false)); }

void ManualPage::subsection(std::string_view title) { text_ += fmt::format(".SS {}\n", escaped(title, false)); }

void ManualPage::paragraph(std::string_view text) { text_ += ".PP\n" + lines(text, true); }

void ManualPage::line(std::string_view text) { text_ += lines(text, true) + ".br\n"; }

void ManualPage::item(std::string_view term, std::string_view text) {
    text_ += ".TP\n" + escaped(term, true) + '\n' + lines(text, true);
}

void ManualPage::example(std::string_view text) { text_ += ".PP\n.RS 4\n.EX\n" + lines(text, false) + ".EE\n.RE\n"; }

}  // namespace leasehold::app::help
