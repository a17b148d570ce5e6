// SPDX-License-Identifier: Apache-2.0
//
// Whatever a file says, reading it ends, within bounds, and with a problem or with options that are sound. Meant to be
// run under the sanitizers as well.
#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/text.h"
#include "tests/config/support.h"

namespace leasehold::config {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

std::string repeated(std::string_view piece, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += piece;
    return out;
}

// As much of `piece` as fits into `size`.
std::string filled(const std::string& before, std::string_view piece, const std::string& after = "",
                   std::size_t size = kMegabyte) {
    return before + repeated(piece, (size - before.size() - after.size()) / piece.size()) + after;
}

// What must hold for any text.
void check(const std::string& text) {
    const LoadSettings settings = with({{"A", "alpha"}, {"EMPTY", ""}});
    const Loaded loaded = load_text(text, settings);
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    for (const Problem& problem : loaded.problems) {
        const std::string shown = problem.text("f");
        ASSERT_LE(problem.line, lines) << shown;
        ASSERT_EQ(problem.line > 0, problem.column > 0) << shown;
        ASSERT_FALSE(problem.message.empty());
        ASSERT_FALSE(first_malformed(shown)) << testing::PrintToString(shown);
        ASSERT_FALSE(has_control_character(shown)) << testing::PrintToString(shown);
    }
    if (!loaded.problems.empty()) return;
    const Loaded again = load_text(to_yaml(loaded.options, false), settings);
    ASSERT_EQ(problems_of(again), "") << testing::PrintToString(text);
    ASSERT_EQ(again.options, loaded.options) << testing::PrintToString(text);
}

TEST(Hostile, NestingIsBounded) {
    EXPECT_THAT(problems_in(repeated("[", 33)), HasSubstr("nested deeper than 32 levels"));
    EXPECT_THAT(problems_in(repeated("[", 100'000)), HasSubstr("nested deeper than 32 levels"));
    EXPECT_THAT(problems_in(repeated("{a: ", 100'000)), HasSubstr("nested deeper than 32 levels"));
    EXPECT_THAT(problems_in(repeated("- ", 100'000)), HasSubstr("nested deeper than 32 levels"));
    EXPECT_THAT(problems_in(repeated("? ", 100'000)), HasSubstr("nested deeper than 32 levels"));
    std::string stairs;
    for (std::size_t i = 0; i < 1'000; ++i) stairs += std::string(i, ' ') + "a:\n";
    EXPECT_THAT(problems_in(stairs), HasSubstr("f:33:33: nested deeper than 32 levels"));
    EXPECT_THAT(problems_in(repeated("[", 30) + repeated("]", 30)), HasSubstr("must be a mapping, not a list"));
}

TEST(Hostile, AliasesDoNotMultiply) {
    std::string laughs = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n";
    for (int i = 1; i < 10; ++i) {
        const std::string last = "*a" + std::to_string(i - 1);
        laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
        laughs += repeated(", " + last, 9) + "]\n";
    }
    EXPECT_THAT(problems_in(laughs), HasSubstr("the file is too large with this alias filled in"));
    const std::string large = "a: &a " + std::string(500'000, 'x') + "\nb: [";
    EXPECT_THAT(problems_in(large + repeated("*a, ", 1000) + "*a]"), HasSubstr("too large with this alias filled in"));
    std::string anchors;
    for (int i = 0; i < 30; ++i) anchors += "&a" + std::to_string(i) + " [";
    EXPECT_THAT(problems_in(filled(anchors, "x,", repeated("]", 30))),
                HasSubstr("too many values for a configuration"));
    EXPECT_THAT(problems_in("{a: &a {b: *a}}"), HasSubstr("this alias stands inside of what it refers to"));
}

TEST(Hostile, MuchOfAnythingEnds) {
    EXPECT_EQ(problems_in(filled(minimal(), "# comment\n")), "");
    EXPECT_EQ(problems_in(filled(minimal(), "\n")), "");
    EXPECT_THAT(problems_in(filled("{election: {name: e}, workload: {command: [c", ", x", "]}}")),
                HasSubstr("too many values for a configuration"));
    EXPECT_EQ(problems_in(filled("{election: {name: e}, workload: {command: [c, \"", "x", "\"]}}")), "");
    const std::pair<const char*, const char*> cases[] = {
        {"", "x"},
        {"", "x: "},
        {"", "x:\n"},
        {"", "x: y\n"},
        {"", "\""},
        {"\"", "x"},
        {"\"", "\\n"},
        {"'", "''"},
        {"|\n", " x\n"},
        {">\n", " x\n\n"},
        {"", "[],"},
        {"[", "x,"},
        {"[", ","},
        {"{", "x,"},
        {"{", "a: b, "},
        {"{", ": "},
        {"", "- x\n"},
        {"", "-\n"},
        {"", "&a "},
        {"", "*a "},
        {"a: &a b\nc: [", "*a,"},
        {"", "!a "},
        {"", "!"},
        {"", "--- "},
        {"", "---\n"},
        {"", "...\n"},
        {"", "%A B\n"},
        {"%TAG ! ", "x"},
        {"", "? x\n"},
        {"", ": x\n"},
        {"", "\t"},
        {"", " "},
        {"", "a "},
        {"", "\r\n"},
        {"", "${A}"},
        {"identity: ", "${A}"},
        {"identity: ", "$$"},
        {"election: {name: ", "x"},
        {"workload: {env: {", "\xc3\xa9, "},
        {"workload: {env: {", "A: b, "},
        {"http: {listen: [", ":1, "},
        {"{", "\xc3\xa9: 1, "},
        {"[", "[], "},
        {"[", "? a : b, "},
        {"", "]"},
        {"", "}"},
    };
    for (const auto& [before, piece] : cases) {
        SCOPED_TRACE(std::string(before) + piece);
        check(filled(before, piece, "", kMegabyte / 16));  // all of them take time in proportion to the size
    }
}

const std::vector<std::string>& valid_files() {
    static const std::vector<std::string> files = {
        minimal(),
        "identity: ${A}\nelection:\n  name: billing\n  lease_duration: 30s\n  renew_deadline: 20s\n  retry_period: "
        "2.5s\n"
        "  clock_drift: 2%\n  kill_allowance: 0.5s\n  store: {file: {path: /run/billing.lease}}\nworkload:\n  "
        "command:\n"
        "    - /usr/sbin/legacyd\n    - --foreground\n    - '${EMPTY:-x}'\n  env: {MODE: yes, UMASK: 0755, X: "
        "\"\\u00e9\"}\n"
        "  stop: {signal: SIGINT, grace_period: 1m}\nhttp: {listen: [\"127.0.0.1:9090\", \"[::1]:0\"]}\n"
        "logging: {level: debug, format: json}\n",
        "{\"election\": {\"name\": \"e\"}, \"workload\": {\"command\": [\"c\", \"$$\"]}, \"http\": {\"listen\": []}}",
        "election: {name: &n e}\nworkload:\n  command: [c, *n]\n  env:\n    A: |\n      one\n      two\n    B: >-\n    "
        "  x\n",
    };
    return files;
}

// Small enough for every build, with the same texts every time; REPEATS of the loop find what is rare.
class Fuzz : public testing::Test {
protected:
    std::size_t upto(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n)(random_); }
    char byte() { return static_cast<char>(upto(255)); }
    const std::string& one_of(const std::vector<std::string>& all) { return all[upto(all.size() - 1)]; }

    std::mt19937 random_{20240117};  // NOLINT: the same every time
};

TEST_F(Fuzz, RandomBytes) {
    for (int round = 0; round < 3000 && !HasFatalFailure(); ++round) {
        std::string text(upto(200), ' ');
        for (char& c : text) c = byte();
        check(text);
    }
}

TEST_F(Fuzz, RandomPiecesOfYaml) {
    static const std::vector<std::string> pieces = {
        "election",     "workload", "command",  "env",   "name", "http", "listen", "store",
        "file",         "path",     "identity", "stop",  ": ",   ":",    "\n",     "\n  ",
        "\n    ",       "- ",       "-",        "? ",    "[",    "]",    "{",      "}",
        ", ",           ",",        "\"",       "'",     "\\",   "#",    " #",     "&a ",
        "*a",           "!!str ",   "!",        "!<x> ", "|\n",  ">-\n", "|2\n",   "%YAML 1.2\n",
        "---\n",        "...\n",    "---",      "<<: ",  "~",    "null", "\t",     "\r\n",
        "${A}",         "${",       "$$",       "15s",   "1%",   "TERM", ":9090",  "\xc3\xa9",
        "\xef\xbb\xbf", "\\x41",    "\\u",      " ",     "@",
    };
    for (int round = 0; round < 10000 && !HasFatalFailure(); ++round) {
        std::string text;
        for (std::size_t n = upto(40); n > 0; --n) text += one_of(pieces);
        check(text);
    }
}

TEST_F(Fuzz, MutationsOfValidFiles) {
    for (const std::string& file : valid_files()) ASSERT_EQ(problems_in(file, {{"A", "a"}}), "");
    for (int round = 0; round < 10000 && !HasFatalFailure(); ++round) {
        std::string text = one_of(valid_files());
        for (std::size_t n = 1 + upto(4); n > 0 && !text.empty(); --n) {
            const std::size_t at = upto(text.size() - 1);
            const std::size_t length = std::min(upto(10), text.size() - at);
            switch (upto(5)) {
                case 0: text[at] = byte(); break;
                case 1: text[at] = static_cast<char>(' ' + upto(94)); break;
                case 2: text.erase(at, length); break;
                case 3: text.insert(at, text.substr(upto(text.size() - 1), length)); break;
                case 4: text.insert(at, 1, ":-[]{},#&*!|>'\"%@`\n \t$"[upto(21)]); break;
                case 5: text.resize(at); break;
            }
        }
        check(text);
    }
}

}  // namespace
}  // namespace leasehold::config
