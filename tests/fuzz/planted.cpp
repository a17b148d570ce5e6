// SPDX-License-Identifier: Apache-2.0
//
// Not a fuzzer of the program but of the fuzzers: faults of the kinds that they are to find. FAULT in the environment
// says which; planted_test.sh expects each to be found. Without it there is none.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/wire.h"
#include "election/stores/record_json.h"
#include "fuzz.h"
#include "promises.h"

namespace leasehold::fuzz {
namespace {

bool has_fault(std::string_view name) {
    const char* const fault = std::getenv("FAULT");
    return fault != nullptr && name == fault;
}

// "held": a record that cannot be understood is taken for a release, if something in it looks like one.
void read_record(std::string_view text) {
    election::Snapshot snapshot;
    snapshot.version.number = 1;
    const auto decoded = stores::decode_record(text);
    put_into(snapshot, decoded);
    if (has_fault("held") && !snapshot.problem.empty() && text.find("true") != std::string_view::npos) {
        snapshot.presence = election::Presence::present;
        snapshot.problem.clear();
        snapshot.record.released = true;
        snapshot.record.lease_duration = std::chrono::seconds(15);
    }
    check_record_text(text, snapshot);
}

// "bytes": the length of a text is believed. "memory": so is a number of elements.
void read_wire(std::string_view text) {
    WireReader in(text);
    const std::uint64_t size = in.number();
    if (in.failed()) return;
    const std::vector<char> bytes(text.begin() + 8, text.end());
    std::size_t sum = 0;
    if (has_fault("bytes") && size < 4096) {
        for (std::size_t i = 0; i < size; ++i) sum += static_cast<unsigned char>(bytes.data()[i]);
    }
    if (has_fault("memory")) {
        std::vector<char> elements;
        elements.reserve(size % (std::uint64_t{1} << 30));
        sum += elements.capacity() & 1;
    }
    require(sum != 123456789, "nothing else is wrong");
}

}  // namespace
}  // namespace leasehold::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace leasehold::fuzz;
    const auto [kind, text] = input_of(data, size, 2);
    if (kind == 0) read_record(text);
    if (kind == 1) read_wire(text);
    return 0;
}
