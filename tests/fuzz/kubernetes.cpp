// SPDX-License-Identifier: Apache-2.0
//
// What a Kubernetes API server answers.  0, 1, 2: a Lease, an Endpoints, a ConfigMap;  3: a line of a watch;  4:
// STATUS, header lines, an empty line, and a body that is no success;  5: a kubeconfig;  6: what a credential plugin
// printed.
#include "answers.h"
#include "election/stores/json_fields.h"
#include "election/stores/kubernetes/exec_credential.h"
#include "election/stores/kubernetes/kubeconfig_entry.h"
#include "election/stores/kubernetes/lock_object.h"
#include "election/stores/kubernetes/refusal.h"
#include "election/stores/kubernetes/watch_line.h"
#include "election/stores/kubernetes/yaml_document.h"
#include "fuzz.h"
#include "promises.h"

namespace leasehold::fuzz {
namespace {

using namespace stores;
using namespace stores::kubernetes;
using election::Presence;
using election::Record;
using election::Snapshot;

const ObjectName kName{KubernetesLock::lease, "default", "billing", nullptr};

Record a_record() {
    Record record;
    record.holder = "fuzz_1";
    record.lease_duration = std::chrono::seconds(15);
    record.acquire_time_us = 1'700'000'000'000'000;
    record.renew_time_us = 1'700'000'000'000'000;
    record.transitions = 3;
    record.incarnation = "c0ffee";
    record.write_id = "1.1.1";
    return record;
}

// Over whatever the server says stands there, our record can be written and read back, and nothing else of it changes.
void check_written_over(const ObjectName& name, const Json& object, const Snapshot& before) {
    for (const bool released : {false, true}) {
        Record record = a_record();
        record.released = released;
        const Json written = encode_update(name, object, record);
        const std::string text = written.dump();
        const auto parsed = parse_server_json(text);
        const DecodedObject decoded = decode_object(name, parsed);
        require(decoded.snapshot.has_value(), "an object that was written over is one");
        require(decoded.snapshot->version == before.version, "a write names the version that was read");
        require(decoded.snapshot->presence == Presence::present, "what was written over an object is there");
        require(decoded.snapshot->record == record, "what was written over an object is read as it was meant");
        require(name.lock != KubernetesLock::lease || preferred_holder(parsed) == before.preferred_holder,
                "what is not ours stays as it was");
    }
}

void check_object(KubernetesLock lock, const Json& object) {
    ObjectName name = kName;
    name.lock = lock;
    const DecodedObject decoded = decode_object(name, object);
    require(decoded.snapshot.has_value() == decoded.problem.empty(), "there is an object, or a problem");
    if (!decoded.snapshot) return;
    require(decoded.snapshot->presence != Presence::absent, "an object that is there is not absent");
    require(decoded.snapshot->version.number != 0, "an object has a version");
    check_snapshot(*decoded.snapshot);
    check_written_over(name, object, *decoded.snapshot);
}

void check_watch_line(std::string_view text) {
    const auto line = parse_watch_line(text);
    if (!line) return;
    using Kind = WatchLine::Kind;
    require(line->object.is_object(), "a line of a watch has an object");
    require(line->version.find_first_of("&? \r\n#%") == std::string::npos, "a position is no other parameter");
    if (line->kind == Kind::changed) check_object(KubernetesLock::lease, line->object);
}

void check_refusal(std::string_view text) {
    const http::Answer answer = answer_of(text);
    const Refusal refusal =
        explain(answer, {"update", "coordination.k8s.io", "leases", "billing", "default"}, "server");
    check_explanation(refusal.label, refusal.detail);
    require(refusal.retry_after >= Duration::zero() && refusal.retry_after <= std::chrono::hours(24),
            "nobody is left alone for ever");
    if (const auto words = clock_difference(answer, 1'700'000'000)) {
        require(is_line(*words), "what is said of the server's clock is one printable line");
    }
}

void check_kubeconfig(std::string_view text) {
    const auto document = parse_yaml_document(std::string(text));
    if (!document) return require(is_line(document.error().message), "an error is one printable line");
    KubeconfigEntry entry{"user", "fuzz", "/root/.kube/config", *document};
    if (!document->is_object()) return;
    const KubeconfigEntry cluster{"cluster", "fuzz", "/root/.kube/config", *document};
    if (const Json* exec = FieldReader(entry).child("exec"); exec != nullptr && exec->is_object()) {
        const auto command = read_exec(entry, *exec, cluster);
        require(!command || !command->command.empty(), "a plugin that is accepted has a command");
    }
    FieldReader fields(entry);
    fields.text("token");
    fields.truth("insecure-skip-tls-verify");
    fields.path("tokenFile");
    fields.text_or_file("client-key");
    if (fields.problem()) require(!fields.problem()->message.empty(), "a problem says what is wrong");
}

void check_credential(std::string_view text) {
    ExecCommand command;
    command.command = "plugin";
    command.api_version = "client.authentication.k8s.io/v1";
    const auto credential = parse_exec_credential(command, std::string(text));
    if (!credential) return require(is_line(credential.error().message), "an error is one printable line");
    require(!credential->token.empty() || !credential->certificate_pem.empty(), "a credential is one");
    require(credential->token.find_first_of("\r\n") == std::string::npos, "a token is no further header");
}

}  // namespace
}  // namespace leasehold::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace leasehold::fuzz;
    using leasehold::stores::KubernetesLock;
    using leasehold::stores::parse_server_json;
    const auto [kind, text] = input_of(data, size, 7);
    switch (kind) {
        case 0: check_object(KubernetesLock::lease, parse_server_json(text)); break;
        case 1: check_object(KubernetesLock::endpoints, parse_server_json(text)); break;
        case 2: check_object(KubernetesLock::configmap, parse_server_json(text)); break;
        case 3: check_watch_line(text); break;
        case 4: check_refusal(text); break;
        case 5: check_kubeconfig(text); break;
        default: check_credential(text); break;
    }
    return 0;
}
