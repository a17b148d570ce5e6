// SPDX-License-Identifier: Apache-2.0
//
// What others can do to the record, whatever store it is in.
#include <nlohmann/json.hpp>

#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

using harness::eventually;
using nlohmann::json;

const std::string kRecord = "the record";

Row row(const std::string& fault, const std::string& expected, std::function<void(Trial&)> play) {
    return {.subject = kRecord, .fault = fault, .expected = expected, .play = std::move(play), .containments = {}};
}

// The leader writes again what was damaged.
Row damaged(const std::string& fault, std::function<void(Trial&)> damage) {
    return row(fault, "the same process runs on", [damage = std::move(damage)](Trial& trial) {
        damage(trial);
        trial.expect_same_for(trial.leases(2));
        if (!json::parse(trial.record().value_or(""), nullptr, false).is_object()) {
            throw Failed{"the record was not repaired"};
        }
    });
}

void edit(Trial& trial, const std::function<void(json&)>& change) {
    json record;
    eventually([&] {
        record = json::parse(trial.record().value_or(""), nullptr, false);
        return record.is_object();
    });
    change(record);
    trial.put_record(record.dump());
}

Row edited(const std::string& fault, std::function<void(json&)> change) {
    return damaged(fault, [change = std::move(change)](Trial& trial) { edit(trial, change); });
}

Row absurd_duration(const std::string& what, long long seconds) {
    return edited("absurd duration: " + what, [seconds](json& record) {
        record["leaseDurationSeconds"] = seconds;
        record["leasehold"]["leaseDurationMs"] = seconds * 1000;
    });
}

Row other_holder() {
    return row("holder replaced by another name", "killed; successor a lease later", [](Trial& trial) {
        edit(trial, [](json& record) { record["holderIdentity"] = "somebody"; });
        trial.expect_successor();
    });
}

Row older_copy() {
    return row("an older copy of the record restored", "no overlap", [](Trial& trial) {
        const std::string copy = trial.record().value_or("");
        Trial::pass(milliseconds(350));
        trial.put_record(copy);
        Trial::pass(trial.leases(2));
        if (!trial.still_stamping(std::chrono::seconds(5))) throw Failed{"nobody leads"};
    });
}

}  // namespace

std::vector<Row> rows_of_the_record() {
    return {damaged("deleted", [](Trial& trial) { trial.remove_record(); }),
            damaged("emptied", [](Trial& trial) { trial.put_record(""); }),
            damaged("replaced by nonsense", [](Trial& trial) { trial.put_record("{\"holderIdentity\": 7"); }),
            edited("holder emptied", [](json& record) { record["holderIdentity"] = ""; }),
            absurd_duration("10 years", 315'360'000),
            absurd_duration("minus one second", -1),
            other_holder(),
            older_copy()};
}

}  // namespace leasehold::faults
