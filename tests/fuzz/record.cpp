// SPDX-License-Identifier: Apache-2.0
//
// The election's record, and what stands beside it.  0: its JSON;  1: a write id;  2: a time;  3: the fields of a
// record, one a line, to be written and read back;  4: base64.
#include "election/core/record.h"

#include <charconv>

#include "election/stores/json_fields.h"
#include "election/stores/kubernetes/go_json.h"
#include "election/stores/record_json.h"
#include "election/stores/rfc3339.h"
#include "election/stores/secret_text.h"
#include "fuzz.h"
#include "promises.h"

namespace leasehold::fuzz {
namespace {

using election::Presence;
using election::Record;
using stores::JsonLayout;

void check_rewritten(const stores::DecodedRecord& decoded) {
    for (const JsonLayout layout : {JsonLayout::compact, JsonLayout::indented}) {
        const std::string written = stores::encode_record(decoded.record, layout, decoded.generation);
        const auto again = stores::decode_record(written);
        require(again.presence == decoded.presence, "a record that is written again is there again");
        require(again.record.holder == decoded.record.holder, "a record that is written again has its holder");
        require(again.record.released == decoded.record.released, "a record that is written again is as free");
        require(again.record.lease_duration == decoded.record.lease_duration, "a record keeps its duration");
        require(again.record.transitions == decoded.record.transitions, "a record keeps its transitions");
        require(again.record.write_id == decoded.record.write_id, "a record keeps its write id");
        require(again.record.incarnation == decoded.record.incarnation, "a record keeps its incarnation");
        require(again.record.successor == decoded.record.successor, "a record keeps its successor");
        require(again.generation == decoded.generation, "a record keeps its generation");
        require(written == stores::encode_record(again.record, layout, again.generation), "a record is stable");
    }
}

void check_json(std::string_view text) {
    const auto decoded = stores::decode_record(text);
    election::Snapshot snapshot;
    snapshot.version.number = 1;
    put_into(snapshot, decoded);
    check_record_text(text, snapshot);
    require(decoded.generation <= stores::kHighestGeneration, "a generation has room to grow");
    if (decoded.presence == Presence::present) check_rewritten(decoded);
}

void check_write_id(std::string_view text) {
    const auto id = election::WriteId::parse(text);
    if (id) require(election::WriteId::parse(id->text()) == id, "a write id that is written again is the same");
}

void check_time(std::string_view text) {
    const auto time = stores::parse_rfc3339(text);
    if (!time) return;
    const auto written = stores::format_rfc3339(*time);
    if (written) require(stores::parse_rfc3339(*written) == time, "a time that is written again is the same");
}

std::int64_t number_of(std::string_view text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// Any record that a candidate could be made to write: none of them may be taken for another one.
void check_fields(std::string_view text) {
    Record record;
    record.holder = take_until(text, '\n');
    record.incarnation = take_until(text, '\n');
    record.write_id = take_until(text, '\n');
    record.successor = take_until(text, '\n');
    const auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(stores::kLongestLease).count();
    record.lease_duration = std::chrono::milliseconds(1 + (number_of(take_until(text, '\n')) & INT64_MAX) % longest);
    record.transitions = static_cast<std::uint64_t>(number_of(take_until(text, '\n')) & INT32_MAX);
    record.acquire_time_us = number_of(take_until(text, '\n'));
    record.renew_time_us = number_of(take_until(text, '\n'));
    record.released = text.starts_with('r');
    const auto decoded = stores::decode_record(stores::encode_record(record, JsonLayout::compact));
    const bool readable =
        is_line(record.holder) && is_line(record.incarnation) && is_line(record.write_id) && is_line(record.successor);
    const bool has_c1 = decoded.presence == Presence::unreadable;
    require(decoded.record.released == (record.released && !has_c1), "only a release is read as one");
    if (!readable || record.holder.empty()) return;
    require(decoded.presence == Presence::present, "what a candidate writes can be read");
    require(decoded.record.holder == record.holder && decoded.record.lease_duration == record.lease_duration &&
                decoded.record.write_id == record.write_id && decoded.record.incarnation == record.incarnation &&
                decoded.record.transitions == record.transitions,
            "what a candidate writes is read as it was meant");
}

void check_base64(std::string_view text) {
    require(stores::decode_base64(stores::encode_base64(text)) == std::string(text), "base64 goes there and back");
    const auto decoded = stores::decode_base64(text);
    if (decoded) {
        require(stores::decode_base64(stores::encode_base64(*decoded)) == decoded, "base64 comes back and goes there");
    }
    require(is_line(stores::shown(text)), "what is shown of a text is one printable line");
    std::string problem;
    const auto json = stores::parse_json(stores::kubernetes::go_json_string(text), problem);
    require(json && json->is_string() && json->get<std::string>() == stores::kubernetes::valid_utf8(text),
            "text as Go writes it is read as the same text");
}

}  // namespace
}  // namespace leasehold::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace leasehold::fuzz;
    const auto [kind, text] = input_of(data, size, 5);
    if (kind == 0) check_json(text);
    if (kind == 1) check_write_id(text);
    if (kind == 2) check_time(text);
    if (kind == 3) check_fields(text);
    if (kind == 4) check_base64(text);
    return 0;
}
