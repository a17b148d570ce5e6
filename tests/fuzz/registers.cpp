// SPDX-License-Identifier: Apache-2.0
//
// What the other stores' servers answer.
//   etcd:       0: a body, or a line of a watch;  1: a refusal, as STATUS, header lines, an empty line, body
//   Consul:     2: a body;  3: a refusal;  4: header lines
//   ZooKeeper:  5: an answer to "srvr";  6: the name of an election
#include "answers.h"
#include "election/stores/consul/messages.h"
#include "election/stores/consul/refusal.h"
#include "election/stores/etcd/messages.h"
#include "election/stores/etcd/refusal.h"
#include "election/stores/json_fields.h"
#include "election/stores/record_json.h"
#include "election/stores/zookeeper/greeting.h"
#include "election/stores/zookeeper/names.h"
#include "fuzz.h"
#include "promises.h"

namespace leasehold::fuzz {
namespace {

using namespace stores;

const std::string kKey = "leasehold/billing";

// What stands in a store under its number, as the election sees it.
void check_value(const std::string& value, std::uint64_t number) {
    election::Snapshot snapshot;
    snapshot.version.number = number;
    const auto decoded = decode_record(value);
    put_into(snapshot, decoded);
    check_record_text(value, snapshot);
}

template <class Answer>
void check_answer(const std::optional<Answer>& answer, const std::string& problem) {
    require(answer.has_value() == problem.empty(), "there is an answer, or a problem");
    require(is_line(problem), "a problem is one printable line");
}

void check_etcd_watch(const std::string& text) {
    std::string problem;
    const auto message = etcd::parse_watch(text, problem);
    check_answer(message, problem);
    if (!message) return;
    require(!message->refusal || message->refusal->code != 0, "a refusal has a code");
    for (const auto& change : message->changes) {
        require(change.now.place.mod_revision != 0, "a change has a revision");
        if (!change.deleted) check_value(change.now.value, change.now.place.mod_revision);
    }
    if (message->refusal) {
        const auto said = etcd::explain(*message->refusal, "watch", kKey, "server");
        check_explanation(said.label, said.detail);
    }
}

void check_etcd(const std::string& text) {
    check_etcd_watch(text);
    std::string problem;
    const auto range = etcd::parse_range(text, problem);
    check_answer(range, problem);
    if (range && range->found) {
        require(range->found->place.mod_revision != 0, "what was found has a revision");
        check_value(range->found->value, range->found->place.mod_revision);
    }
    problem.clear();
    const auto txn = etcd::parse_txn(text, problem);
    check_answer(txn, problem);
    require(!txn || txn->header.revision != 0, "a write has a revision");
    problem.clear();
    const auto token = etcd::parse_token(text, problem);
    check_answer(token, problem);
    const auto refusal = etcd::parse_refusal(text);
    require(!refusal || refusal->code > 0, "a refusal has a code");
    require(!(refusal && txn && txn->succeeded && txn->header.cluster_id.empty()), "what was refused was not done");
}

void check_etcd_refusal(std::string_view text) {
    const auto said = etcd::explain(answer_of(text), "write", kKey, "server");
    check_explanation(said.label, said.detail);
    require(said.retry_after >= Duration::zero() && said.retry_after <= std::chrono::hours(24),
            "nobody is left alone for ever");
}

void check_consul(const std::string& text) {
    std::string problem;
    const auto entry = consul::parse_entry(text, kKey, problem);
    check_answer(entry, problem);
    if (entry) {
        require(entry->modify_index != 0, "an entry has an index");
        check_value(entry->value, entry->modify_index);
    }
    problem.clear();
    const auto applied = consul::parse_applied(text, kKey, problem);
    check_answer(applied, problem);
    const auto errors = consul::parse_txn_errors(text);
    require(!applied || errors.empty(), "a transaction was carried out, or was not");
    require(!consul::comparison_failed(errors) || !errors.empty(), "a comparison that failed says so");
}

void check_consul_refusal(std::string_view text) {
    const auto said = consul::explain(answer_of(text), "write", kKey, "server");
    check_explanation(said.label, said.detail);
}

void check_consul_headers(std::string_view text) {
    const auto answer = answer_of("200\n" + std::string(text));
    const auto position = consul::position_of(answer.headers);
    const auto known = answer.headers.find("x-consul-knownleader");
    const bool known_leader = known != answer.headers.end() && known->second == "true";
    require(!position || !position->consistent || known_leader, "only what a leader has said is consistent");
}

void check_greeting(const std::string& text) {
    for (const bool one_of_several : {false, true}) {
        const auto problem = zookeeper::judge("10.0.0.1:2181", text, one_of_several);
        if (!problem.label.empty()) check_explanation(problem.label, problem.detail);
    }
}

void check_name(std::string_view text) {
    const std::string name = zookeeper::znode_name(text);
    require(name.find('/') == std::string::npos && is_line(name), "a znode's name is one printable name");
    require(name != "." && name != ".." && name != "zookeeper", "a znode's name has no other meaning");
    std::string back;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '%') {
            back += name[i];
            continue;
        }
        back += static_cast<char>(std::stoi(name.substr(i + 1, 2), nullptr, 16));
        i += 2;
    }
    require(back == text, "different elections have different znodes");
    require(consul::escape(std::string(text)).find_first_of("?#&= \r\n") == std::string::npos, "a key is no parameter");
}

}  // namespace
}  // namespace leasehold::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace leasehold::fuzz;
    const auto [kind, text] = input_of(data, size, 7);
    switch (kind) {
        case 0: check_etcd(std::string(text)); break;
        case 1: check_etcd_refusal(text); break;
        case 2: check_consul(std::string(text)); break;
        case 3: check_consul_refusal(text); break;
        case 4: check_consul_headers(text); break;
        case 5: check_greeting(std::string(text)); break;
        default: check_name(text); break;
    }
    return 0;
}
