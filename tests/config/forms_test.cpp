// SPDX-License-Identifier: Apache-2.0
//
// Each form of a value: what is read as what, what is refused and why, and that what is written is read back.
#include <csignal>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/forms.h"
#include "tests/config/support.h"

namespace leasehold::config {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// The reason why a form does not take a text; empty when it does.
template <class T>
std::string refusal(const Form<T>& form, const std::string& text) {
    const auto value = form.read(text);
    return value ? "" : value.error().message;
}

TEST(Durations, AreReadAndWrittenAgain) {
    const std::tuple<const char*, Duration, const char*> cases[] = {
        {"15s", seconds(15), "15s"},
        {"1m30s", seconds(90), "1m30s"},
        {"90s", seconds(90), "1m30s"},
        {"250ms", milliseconds(250), "250ms"},
        {"1.5s", milliseconds(1500), "1.5s"},
        {"2h", hours(2), "2h"},
        {"1.5h", minutes(90), "1h30m"},
        {"0.1s", milliseconds(100), "100ms"},
        {"0s", nanoseconds(0), "0s"},
        {"1h2m3s4ms5us6ns", hours(1) + minutes(2) + seconds(3) + nanoseconds(4005006), "1h2m3.004005006s"},
        {"7\u00b5s", microseconds(7), "7us"},
        {"7\u03bcs", microseconds(7), "7us"},
        {"0.000000001s", nanoseconds(1), "1ns"},
        {"0.000000001h", nanoseconds(3600), "3.6us"},
        {"1.500000000ns1s0.5ns", nanoseconds(0), nullptr},
        {"8760h", hours(8760), "8760h"},
        {"030s", seconds(30), "30s"},
        {"1s1s", seconds(2), "2s"},
    };
    for (const auto& [text, duration, written] : cases) {
        const auto value = duration_form().read(text);
        if (written == nullptr) {
            EXPECT_FALSE(value) << text;
            continue;
        }
        ASSERT_TRUE(value) << text << ' ' << value.error().message;
        EXPECT_EQ(*value, duration) << text;
        EXPECT_EQ(duration_form().write(*value), written) << text;
        EXPECT_EQ(duration_form().read(written).value(), duration) << text;
    }
}

TEST(Durations, SayWhatIsWrong) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "is empty, not a duration"},
        {"15", "has no unit; write 15s for seconds or 15ms for milliseconds"},
        {"1.5", "has no unit; write 1.5s"},
        {"0", "has no unit"},
        {"-5s", "is negative"},
        {"+5s", "is not a duration"},
        {"5 s", "is not a duration"},
        {" 5s", "is not a duration"},
        {"5s ", "is not a duration"},
        {"5S", "is not a duration"},
        {"5d", "is not a duration"},
        {"s", "is not a duration"},
        {"1s5", "is not a duration"},
        {".5s", "is not a duration"},
        {"5.s", "is not a duration"},
        {"1e3s", "is not a duration"},
        {"0x5s", "is not a duration"},
        {"1,5s", "is not a duration"},
        {"8761h", "is longer than a year (8760h)"},
        {"8760h1ns", "is longer than a year"},
        {"999999999h", "is longer than a year"},
        {"9223372036854775808ns", "is not a duration"},
        {"0.1ns", "is finer than a nanosecond"},
        {"0.0000000001s", "is not a duration"},
        {"5\xc2s", "is not a duration"},
    };
    for (const auto& [text, reason] : cases) EXPECT_THAT(refusal(duration_form(), text), HasSubstr(reason)) << text;
    EXPECT_THAT(refusal(positive_duration_form(), "0ms"), HasSubstr("must be longer than zero"));
    EXPECT_EQ(refusal(positive_duration_form(), "1ns"), "");
}

TEST(Percentages, AreReadAndWrittenAgain) {
    const std::tuple<const char*, double, const char*> cases[] = {
        {"1%", 0.01, "1%"},           {"0%", 0.0, "0%"},
        {"10%", 0.1, "10%"},          {"0.5%", 0.005, "0.5%"},
        {"1.25%", 0.0125, "1.25%"},   {"3.0%", 0.03, "3%"},
        {"0.0001%", 1e-6, "0.0001%"}, {"9.9999%", 0.099999, "9.9999%"},
        {"02%", 0.02, "2%"},          {"1.00000%", 0.01, "1%"},
    };
    for (const auto& [text, share, written] : cases) {
        const auto value = percentage_form(10).read(text);
        ASSERT_TRUE(value) << text << ' ' << value.error().message;
        EXPECT_EQ(*value, share) << text;
        EXPECT_EQ(percentage_form(10).write(*value), written) << text;
        EXPECT_EQ(percentage_form(10).read(written).value(), share) << text;
    }
}

TEST(WholeNumbers, AreReadAndWrittenAgain) {
    const auto form = integer_form(-1000, 1000);
    for (const int number : {-1000, -900, -1, 0, 1, 1000}) {
        const std::string text = std::to_string(number);
        EXPECT_EQ(form.read(text).value(), number);
        EXPECT_EQ(form.write(number), text);
    }
    for (const char* text : {"", "-", "+5", " 5", "5 ", "5.0", "0x10", "1e2", "five", "--5"}) {
        EXPECT_EQ(refusal(form, text), "is not a whole number") << text;
    }
    for (const char* text : {"1001", "-1001", "99999999999999999999", "-99999999999999999999"}) {
        EXPECT_EQ(refusal(form, text), "must be between -1000 and 1000") << text;
    }
}

TEST(Percentages, SayWhatIsWrong) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "is not a percentage; write one like 1% or 0.5%"},
        {"1", "is not a percentage"},
        {"0.01", "is not a percentage"},
        {"-1%", "is not a percentage"},
        {"1 %", "is not a percentage"},
        {"1%%", "is not a percentage"},
        {"%", "is not a percentage"},
        {"10.0001%", "must be between 0% and 10%"},
        {"999999999%", "must be between 0% and 10%"},
        {"0.00001%", "has more than 4 decimals"},
    };
    for (const auto& [text, reason] : cases) EXPECT_THAT(refusal(percentage_form(10), text), HasSubstr(reason)) << text;
}

TEST(Signals, AreReadAndWrittenAgain) {
    const std::tuple<std::string, int, std::string> cases[] = {
        {"TERM", SIGTERM, "TERM"},
        {"SIGTERM", SIGTERM, "TERM"},
        {"15", 15, "TERM"},
        {"INT", SIGINT, "INT"},
        {"HUP", SIGHUP, "HUP"},
        {"QUIT", SIGQUIT, "QUIT"},
        {"USR1", SIGUSR1, "USR1"},
        {"USR2", SIGUSR2, "USR2"},
        {"KILL", SIGKILL, "KILL"},
        {"WINCH", SIGWINCH, "WINCH"},
        {"RTMIN", SIGRTMIN, "RTMIN"},
        {"SIGRTMIN+3", SIGRTMIN + 3, "RTMIN+3"},
        {"RTMIN+0", SIGRTMIN, "RTMIN"},
        {std::to_string(SIGRTMAX), SIGRTMAX, "RTMIN+" + std::to_string(SIGRTMAX - SIGRTMIN)},
    };
    for (const auto& [text, number, written] : cases) {
        const auto value = stop_signal_form().read(text);
        ASSERT_TRUE(value) << text << ' ' << value.error().message;
        EXPECT_EQ(*value, number) << text;
        EXPECT_EQ(stop_signal_form().write(*value), written) << text;
        EXPECT_EQ(stop_signal_form().read(written).value(), number) << text;
    }
}

TEST(Signals, SayWhatIsWrong) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "is not a signal"},
        {"TREM", "did you mean TERM?"},
        {"term", "did you mean TERM?"},
        {"SIGUSR3", "did you mean USR1?"},
        {"SIG", "is not a signal; write a name such as TERM"},
        {"0", "is not the number of a signal"},
        {"-15", "is not a signal"},
        {"015", "is not a signal"},
        {"32", "is not the number of a signal"},
        {"65", "is not the number of a signal"},
        {"99999999999", "is not a signal"},
        {"RTMIN+31", "the last of its kind is RTMIN+"},
        {"RTMIN+", "the last of its kind is RTMIN+"},
        {"RTMAX", "is not a signal"},
        {"STOP", "suspends a program and does not end it"},
        {"20", "suspends a program and does not end it"},
    };
    for (const auto& [text, reason] : cases) EXPECT_THAT(refusal(stop_signal_form(), text), HasSubstr(reason)) << text;
}

TEST(Signals, ThatAreRewrittenAreThoseHandedOn) {
    for (const auto& [text, number] : {std::pair("HUP", SIGHUP), {"SIGQUIT", SIGQUIT}, {"10", SIGUSR1}}) {
        EXPECT_EQ(received_signal_form().read(text).value(), number) << text;
    }
    const std::pair<const char*, const char*> cases[] = {
        {"TERM", "workload.stop.signal says what the workload gets then"},
        {"2", "workload.stop.signal says what the workload gets then"},
        {"KILL", "is not handed on to the workload"},
        {"STOP", "is not handed on to the workload"},
        {"CHLD", "is not handed on to the workload"},
        {"TSTP", "is not handed on to the workload"},
        {"CONT", "only as it is"},
        {"SEGV", "is not handed on to the workload"},
        {"none", "is not a signal"},
        {"HPU", "did you mean HUP?"},
    };
    for (const auto& [text, reason] : cases)
        EXPECT_THAT(refusal(received_signal_form(), text), HasSubstr(reason)) << text;
}

TEST(Signals, CanBeReplacedByNothing) {
    EXPECT_EQ(handed_on_signal_form().read("none").value(), 0);
    EXPECT_EQ(handed_on_signal_form().write(0), "none");
    EXPECT_EQ(handed_on_signal_form().read("TERM").value(), SIGTERM);
    EXPECT_EQ(handed_on_signal_form().write(SIGTERM), "TERM");
    for (const char* text : {"no", "off", "null", "~", "None", "0"}) {
        EXPECT_THAT(refusal(handed_on_signal_form(), text), HasSubstr("write none to drop it")) << text;
    }
    EXPECT_THAT(refusal(handed_on_signal_form(), "STOP"), HasSubstr("suspends a program"));
    EXPECT_THAT(refusal(handed_on_signal_form(), "USR3"), HasSubstr("did you mean"));
}

TEST(Signals, AreRewrittenOnce) {
    const std::string file = minimal() + "  signals: {rewrite: {HUP: USR1, SIGHUP: none}}\n";
    EXPECT_THAT(problems_in(file), HasSubstr("is for a signal that is given twice, under two names"));
}

TEST(Addresses, AreHostAndPort) {
    for (const char* text : {"0.0.0.0:9090", "127.0.0.1:0", "[::]:9090", "[::1]:65535", "[fe80::1%eth0]:80", ":9090",
                             "localhost:9090", "my-host.example.org:1", "[::ffff:10.0.0.1]:1"}) {
        EXPECT_EQ(refusal(listen_address_form(), text), "") << text;
    }
    const std::pair<const char*, const char*> cases[] = {
        {"", "has no port; write HOST:PORT, such as 0.0.0.0:9090, [::]:9090 or :9090"},
        {"9090", "has no port"},
        {"localhost", "has no port"},
        {":", "has no port from 0 to 65535"},
        {":65536", "has no port from 0 to 65535"},
        {":-1", "has no port from 0 to 65535"},
        {":http", "has no port from 0 to 65535"},
        {": 80", "has no port from 0 to 65535"},
        {":99999999999999999999", "has no port from 0 to 65535"},
        {"::1:9090", "needs '[' and ']' around an IPv6 address"},
        {"[::1]", "has no port from 0 to 65535"},
        {"[::1", "has no IPv6 address between '[' and ']'"},
        {"[::1:80", "has no IPv6 address between '[' and ']'"},
        {"[]:80", "has no IPv6 address between '[' and ']'"},
        {"[localhost]:80", "has no IPv6 address between '[' and ']'"},
        {"http://localhost:80", "needs '[' and ']'"},
        {"a b:80", "is neither a name nor an address"},
        {"*:80", "is neither a name nor an address"},
    };
    for (const auto& [text, reason] : cases) {
        EXPECT_THAT(refusal(listen_address_form(), text), HasSubstr(reason)) << text;
    }
}

TEST(Names, OfElectionsCanBeFileNames) {
    for (const char* text : {"billing", "a", "0", "A.b_c-9"})
        EXPECT_EQ(refusal(election_name_form(), text), "") << text;
    EXPECT_EQ(refusal(election_name_form(), std::string(253, 'n')), "");
    for (const char* text : {"", ".", "..", "-a", "_a", "a/b", "a b", "\xc3\xa9", "a\n"}) {
        EXPECT_NE(refusal(election_name_form(), text), "") << text;
    }
    EXPECT_NE(refusal(election_name_form(), std::string(254, 'n')), "");
}

TEST(Names, OfCandidatesMayBeAnyText) {
    for (const char* text : {"pod-1_x", "\xc3\xa9 \xe2\x82\xac", "a: b", " "}) {
        EXPECT_EQ(refusal(identity_form(), text), "") << text;
    }
    std::string longest;
    for (int i = 0; i < 253; ++i) longest += "\xe2\x82\xac";
    EXPECT_EQ(refusal(identity_form(), longest), "");
    EXPECT_THAT(refusal(identity_form(), longest + "x"), HasSubstr("longer than 253 characters"));
    for (const std::string& text :
         {std::string("a\tb"), std::string("\x7f"), std::string("\xc2\x85"), std::string(1, '\0')}) {
        EXPECT_THAT(refusal(identity_form(), text), HasSubstr("control character"));
    }
}

TEST(Names, OfVariables) {
    for (const char* text : {"A", "_", "a9_B", "LEASEHOLD", "XLEASEHOLD_A"}) {
        EXPECT_EQ(refusal(variable_name_form(), text), "") << text;
    }
    for (const char* text : {"", "9A", "A-B", "A=B", "A.B", "\xc3\xa9", "LEASEHOLD_", "LEASEHOLD_ROLE"}) {
        EXPECT_NE(refusal(variable_name_form(), text), "") << text;
    }
}

TEST(Paths, AreAbsoluteAndOfFiles) {
    for (const char* text : {"", "/a", "/var/lib/x y.lease", "/\xc3\xa9"}) {
        EXPECT_EQ(refusal(absolute_path_form(), text), "") << text;
    }
    for (const char* text : {"a", "./a", "~/a", "/", "/a/"}) EXPECT_NE(refusal(absolute_path_form(), text), "") << text;
    EXPECT_THAT(refusal(absolute_path_form(), std::string("/a\0b", 4)), HasSubstr("NUL"));
    EXPECT_THAT(refusal(absolute_path_form(), '/' + std::string(241, 'f')), HasSubstr("more than 240 bytes"));
    std::string deep;
    while (deep.size() < 4096) deep += "/folder";
    EXPECT_THAT(refusal(absolute_path_form(), deep), HasSubstr("longer than 4095 bytes"));
}

TEST(Choices, AreWords) {
    const auto form = choice_form<int>({{"one", 1}, {"two", 2}});
    EXPECT_EQ(form.read("two").value(), 2);
    EXPECT_EQ(form.write(1), "one");
    EXPECT_EQ(refusal(form, "three"), "is not one of one, two");
    EXPECT_EQ(refusal(form, ""), "is not one of one, two");
}

}  // namespace
}  // namespace leasehold::config
