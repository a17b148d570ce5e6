// SPDX-License-Identifier: Apache-2.0
#include "election/stores/record_json.h"

#include <random>

#include <gtest/gtest.h>

#include "election/stores/json_fields.h"
#include "election/stores/rfc3339.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::Record;
using std::chrono::milliseconds;
using std::chrono::seconds;

Record full_record() {
    Record record;
    record.holder = "host-ä_\"1\"";
    record.lease_duration = milliseconds(1500);
    record.acquire_time_us = 1'715'000'000'123'456;
    record.renew_time_us = 1'715'000'001'000'001;
    record.transitions = 41;
    record.incarnation = "c0ffee";
    record.write_id = "7.1.42";
    return record;
}

TEST(RecordJson, LooksLikeALeaderElectionRecord) {
    Record record = full_record();
    record.holder = "host_1";
    EXPECT_EQ(encode_record(record, JsonLayout::compact, 12),
              R"({"holderIdentity":"host_1","leaseDurationSeconds":2,"acquireTime":"2024-05-06T12:53:20.123456Z",)"
              R"("renewTime":"2024-05-06T12:53:21.000001Z","leaderTransitions":41,"leasehold":{"format":1,)"
              R"("incarnation":"c0ffee","writeId":"7.1.42","released":false,"leaseDurationMs":1500,"generation":12}})");
}

TEST(RecordJson, WhatIsWrittenIsReadAgain) {
    for (const JsonLayout layout : {JsonLayout::compact, JsonLayout::indented}) {
        Record record = full_record();
        const auto decoded = decode_record(encode_record(record, layout, 12));
        EXPECT_EQ(decoded.presence, Presence::present) << decoded.problem;
        EXPECT_EQ(decoded.record, record);
        EXPECT_EQ(decoded.generation, 12U);
        record.released = true;
        record.holder.clear();
        record.successor = "host_2";
        EXPECT_EQ(decode_record(encode_record(record, layout)).record, record);
        EXPECT_EQ(decode_record(encode_record(record, layout)).generation, 0U);
    }
    const Record free = make_released_record(seconds(15), 1'715'000'000'000'000);
    EXPECT_EQ(decode_record(encode_record(free, JsonLayout::compact)).record, free);
    EXPECT_EQ(decode_record(encode_record(free, JsonLayout::compact)).presence, Presence::present);
}

TEST(RecordJson, NeverThrowsOnAnIdentityThatIsNotUtf8) {
    Record record = full_record();
    record.holder = "\xff\xfe";
    EXPECT_EQ(decode_record(encode_record(record, JsonLayout::compact)).presence, Presence::present);
}

std::string client_go(const std::string& holder, const std::string& duration, const std::string& more = "") {
    return R"({"holderIdentity":")" + holder + R"(","leaseDurationSeconds":)" + duration +
           R"(,"acquireTime":"2024-05-06T12:53:20Z","renewTime":"2024-05-06T12:53:20Z","leaderTransitions":3)" + more +
           "}";
}

std::string ours(const std::string& whole, const std::string& exact, const std::string& more = "") {
    return client_go("a", whole,
                     R"(,"leasehold":{"format":1,"incarnation":"i","writeId":"w","released":false,"leaseDurationMs":)" +
                         exact + more + "}");
}

TEST(RecordJson, ReadsWhatClientGoWrites) {
    const auto held = decode_record(client_go("pod-1", "15"));
    EXPECT_EQ(held.presence, Presence::present);
    EXPECT_EQ(held.record.holder, "pod-1");
    EXPECT_EQ(held.record.lease_duration, seconds(15));
    EXPECT_EQ(held.record.transitions, 3U);
    EXPECT_EQ(held.record.renew_time_us, 1'715'000'000'000'000);
    EXPECT_FALSE(held.record.released);

    const auto released = decode_record(client_go("", "1"));
    EXPECT_EQ(released.presence, Presence::present);
    EXPECT_TRUE(released.record.released);
}

TEST(RecordJson, WithoutAHolderItIsFreeOnlyWithAMark) {
    EXPECT_EQ(decode_record(client_go("", "15")).presence, Presence::vacated);
    EXPECT_EQ(decode_record(client_go("", "15")).record.lease_duration, seconds(15));
    EXPECT_EQ(decode_record("").presence, Presence::vacated);
    // Our own record of a lease of one second, whose holder somebody deleted, is not client-go's way of releasing.
    const auto edited = decode_record(client_go(
        "", "1", R"(,"leasehold":{"format":1,"incarnation":"","writeId":"","released":false,"leaseDurationMs":1000})"));
    EXPECT_EQ(edited.presence, Presence::vacated);
}

TEST(RecordJson, TheLongerDurationCountsWhenTheyDisagree) {
    EXPECT_EQ(decode_record(ours("2", "1500")).record.lease_duration, milliseconds(1500));
    EXPECT_EQ(decode_record(ours("2", "2000")).record.lease_duration, seconds(2));
    EXPECT_EQ(decode_record(ours("60", "1500")).record.lease_duration, seconds(60));
    EXPECT_EQ(decode_record(ours("1", "1500")).record.lease_duration, milliseconds(1500));
    EXPECT_EQ(decode_record(ours("2", "1")).record.lease_duration, seconds(2));
}

TEST(RecordJson, TimesAreForPeopleAndNeverAProblem) {
    for (const char* time : {R"("yesterday")", "null", "12", "{}", R"("2024-13-01T00:00:00Z")", R"("")"}) {
        const std::string text =
            R"({"holderIdentity":"a","leaseDurationSeconds":5,"leaderTransitions":0,"renewTime":)" + std::string(time) +
            "}";
        const auto decoded = decode_record(text);
        EXPECT_EQ(decoded.presence, Presence::present) << text << decoded.problem;
        EXPECT_EQ(decoded.record.renew_time_us, 0);
    }
    EXPECT_EQ(decode_record(R"({"holderIdentity":"a","leaseDurationSeconds":5,"leaderTransitions":0})").presence,
              Presence::present);
}

struct Unreadable {
    std::string text;
    std::string problem;  // a part of it
};

TEST(RecordJson, WhatCannotBeUnderstoodSaysWhy) {
    const std::string deep = std::string(30000, '[') + std::string(30000, ']');
    const std::vector<Unreadable> cases{
        {" ", "not JSON"},
        {"x", "not JSON"},
        {"{", "not JSON"},
        {R"({"holderIdentity":"a)", "not JSON"},
        {client_go("a", "15") + "x", "not JSON"},
        {client_go("\xff", "15"), "not JSON"},
        {client_go("\xed\xa0\x80", "15"), "not JSON"},
        {std::string("\0", 1), "not JSON"},
        {"[]", "not an object"},
        {"null", "not an object"},
        {"3", "not an object"},
        {"{}", "holderIdentity is missing"},
        {R"({"name":"someone else's"})", "holderIdentity is missing"},
        {R"({"holderIdentity":"a"})", "leaseDurationSeconds is missing"},
        {R"({"holderIdentity":"a","leaseDurationSeconds":15})", "leaderTransitions is missing"},
        {R"({"holderIdentity":7,"leaseDurationSeconds":15,"leaderTransitions":0})", "holderIdentity is not a string"},
        {R"({"holderIdentity":null,"leaseDurationSeconds":15,"leaderTransitions":0})",
         "holderIdentity is not a string"},
        {client_go("a\\u0000b", "15"), "control characters"},
        {client_go("a\\nb", "15"), "control characters"},
        {client_go("a\\u009b31mb", "15"), "control characters"},
        {client_go("a", "0"), "leaseDurationSeconds is not between"},
        {client_go("a", "-1"), "leaseDurationSeconds is not between"},
        {client_go("a", "99999999999"), "leaseDurationSeconds is not between"},
        {client_go("a", "9223372036854775807"), "leaseDurationSeconds is not between"},
        {client_go("a", "18446744073709551615"), "leaseDurationSeconds is not between"},
        {client_go("a", "99999999999999999999999"), "leaseDurationSeconds is not a whole number"},
        {client_go("a", "1e999"), "not JSON"},
        {client_go("a", "15.5"), "leaseDurationSeconds is not a whole number"},
        {client_go("a", "\"15\""), "leaseDurationSeconds is not a whole number"},
        {client_go("a", "true"), "leaseDurationSeconds is not a whole number"},
        {client_go("a", "15", R"(,"leasehold":1)"), "leasehold is not an object"},
        {client_go("a", "15", R"(,"leasehold":{})"), "leasehold.format is missing"},
        {client_go("a", "15", R"(,"leasehold":{"format":2})"), "newer leasehold"},
        {client_go("a", "15", R"(,"leasehold":{"format":0})"), "leasehold.format is not between"},
        {client_go("a", "15", R"(,"leasehold":{"format":1})"), "leasehold.incarnation is missing"},
        {ours("15", "0"), "leasehold.leaseDurationMs is not between"},
        {ours("15", "9223372036854775807"), "leasehold.leaseDurationMs is not between"},
        {ours("15", "15000", R"(,"generation":0)"), "leasehold.generation is not between"},
        {ours("15", "15000", R"(,"generation":-5)"), "leasehold.generation is not between"},
        {ours("15", "15000", R"(,"generation":18446744073709551615)"), "leasehold.generation is not between"},
        {client_go("a", "15", R"(,"holderIdentity":"b")"), "twice"},
        {client_go("a", "15", R"(,"other":)" + deep), "nested"},
        {client_go(std::string(70000, 'a'), "15"), "larger than 64 KiB"},
    };
    for (const Unreadable& each : cases) {
        const auto decoded = decode_record(each.text);
        const std::string shown = each.text.substr(0, 200);
        EXPECT_EQ(decoded.presence, Presence::unreadable) << shown;
        EXPECT_NE(decoded.problem.find(each.problem), std::string::npos) << shown << "\n" << decoded.problem;
        EXPECT_EQ(decoded.record, Record()) << shown;
    }
}

TEST(RecordJson, UnknownKeysAreLeftToOthers) {
    const auto decoded =
        decode_record(client_go("a", "15", R"(,"strategy":"x","preferredHolder":"b","more":[1,{"a":[]}])"));
    EXPECT_EQ(decoded.presence, Presence::present) << decoded.problem;
}

// What any text must lead to, whatever it is.
void check_sanity(const std::string& text) {
    const auto decoded = decode_record(text);
    EXPECT_NE(decoded.presence, Presence::absent);
    EXPECT_EQ(decoded.presence == Presence::unreadable, !decoded.problem.empty()) << text;
    if (decoded.presence != Presence::present) return;
    EXPECT_GT(decoded.record.lease_duration, Duration(0)) << text;
    EXPECT_LE(decoded.record.lease_duration, kLongestLease) << text;
    EXPECT_TRUE(decoded.record.released || !decoded.record.holder.empty()) << text;
    const auto again = decode_record(encode_record(decoded.record, JsonLayout::compact));
    EXPECT_EQ(again.record.holder, decoded.record.holder);
    EXPECT_EQ(again.record.lease_duration, decoded.record.lease_duration);
    EXPECT_EQ(again.record.released, decoded.record.released);
}

std::string mutate(std::string text, std::mt19937_64& random) {
    static const std::vector<std::string> pieces{"{",  "}",       "[",       "]",  "\"",   ":",        ",",
                                                 "0",  "-",       "9",       "e9", "null", "\xff",     "true",
                                                 "\\", "\\u0000", "\\ud800", " ",  "1",    "leasehold"};
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
    for (std::size_t changes = 1 + below(4); changes > 0 && !text.empty(); --changes) {
        const std::size_t at = below(text.size());
        switch (below(6)) {
            case 0: text.resize(at); break;
            case 1: text.erase(at, 1 + below(8)); break;
            case 2: text[at] = static_cast<char>(random()); break;
            case 3: text.insert(at, pieces[below(pieces.size())]); break;
            case 4: text.insert(at, text.substr(below(text.size()), below(40))); break;
            default: text.replace(at, 1 + below(3), pieces[below(pieces.size())]); break;
        }
    }
    return text;
}

TEST(RecordJson, SurvivesMutatedRecords) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (const std::uint64_t each : {std::uint64_t{1}, std::uint64_t{2}, seed}) {
        std::mt19937_64 random(each);
        const std::vector<std::string> models{encode_record(full_record(), JsonLayout::compact, 9),
                                              encode_record(full_record(), JsonLayout::indented),
                                              client_go("pod", "15"), client_go("", "1"), ours("2", "1500")};
        for (int i = 0; i < 10000; ++i) check_sanity(mutate(models[random() % models.size()], random));
    }
}

TEST(Rfc3339, FormatsAndParses) {
    EXPECT_EQ(format_rfc3339(0), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(format_rfc3339(-1), "1969-12-31T23:59:59.999999Z");
    EXPECT_EQ(format_rfc3339(INT64_MAX), std::nullopt);
    EXPECT_EQ(format_rfc3339_seconds(1'715'000'000'999'999), "2024-05-06T12:53:20Z");
    EXPECT_EQ(format_rfc3339_seconds(-1), "1969-12-31T23:59:59Z");
    EXPECT_EQ(format_rfc3339_seconds(INT64_MIN), std::nullopt);
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(parse_rfc3339("1970-01-01T01:00:00.5+01:00"), 500'000);
    EXPECT_EQ(parse_rfc3339("1969-12-31T23:00:00.1234567-01:00"), 123'456);
    for (const char* wrong :
         {"", "1970", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01T00:00:00.Z", "1970-02-30T00:00:00Z",
          "1970-01-01T24:00:00Z", "1970-01-01T00:00:00+1:00", "1970-01-01T00:00:00Zx", "a970-01-01T00:00:00Z"}) {
        EXPECT_EQ(parse_rfc3339(wrong), std::nullopt) << wrong;
    }
    for (const std::int64_t time : {std::int64_t{1'715'000'000'123'456}, std::int64_t{-5}, std::int64_t{1}}) {
        EXPECT_EQ(parse_rfc3339(*format_rfc3339(time)), time);
    }
}

}  // namespace
}  // namespace leasehold::stores
