// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/etcd_cluster.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include "election/stores/secret_text.h"
#include "tests/servers/http_call.h"
#include "tests/servers/server_process.h"

namespace leasehold::servers {

using nlohmann::json;
using stores::encode_base64;

namespace {

std::string program() { return cache_folder("kubernetes") + "/etcd"; }

// Of the default prefix.
std::string key_of(const std::string& name) { return encode_base64("/leasehold/" + name); }

}  // namespace

bool EtcdCluster::available() { return access(program().c_str(), X_OK) == 0; }

std::string EtcdCluster::unavailable_message() {
    return "etcd is not at " + program() + ": run tests/servers/build-kubernetes";
}

EtcdCluster::EtcdCluster(Options options)
    : MemberProcesses(kName, options.members), peer_ports_(static_cast<std::size_t>(options.members)) {
    if (!available()) throw std::runtime_error(unavailable_message());
    if (options.tls) tls_ = write_tls_files(folder());
    start_all();
    await_ready();
}

std::string EtcdCluster::url(int member) const {
    return fmt::format("{}://127.0.0.1:{}", tls_ ? "https" : "http", port(member));
}

std::string EtcdCluster::peer_url(int member) const {
    return fmt::format("http://127.0.0.1:{}", peer_ports_[static_cast<std::size_t>(member)].number());
}

std::vector<std::string> EtcdCluster::command(int member) {
    std::string all;
    for (int i = 0; i < size(); ++i) all += fmt::format("{}m{}={}", i == 0 ? "" : ",", i, peer_url(i));
    std::vector<std::string> command{program(), fmt::format("--name=m{}", member), "--data-dir=" + data(member),
                                     "--listen-client-urls=" + url(member), "--advertise-client-urls=" + url(member),
                                     "--listen-peer-urls=" + peer_url(member),
                                     "--initial-advertise-peer-urls=" + peer_url(member), "--initial-cluster=" + all,
                                     // Elections within a second, so that a test need not be slow.
                                     "--heartbeat-interval=50", "--election-timeout=500"};
    if (tls_) {
        command.insert(command.end(),
                       {"--cert-file=" + tls_->server_certificate_file, "--key-file=" + tls_->server_key_file,
                        "--trusted-ca-file=" + tls_->ca_file, "--client-cert-auth"});
    }
    return command;
}

std::string EtcdCluster::store_option(const std::vector<int>& ports) const {
    return fmt::format("etcd: {{endpoints: {}}}", addresses(ports, "http://"));
}

std::optional<std::string> EtcdCluster::text(const std::string& name) {
    const json answer = must("/v3/kv/range", {{"key", key_of(name)}});
    if (!answer.contains("kvs")) return std::nullopt;
    return stores::decode_base64(answer["kvs"][0].value("value", ""));
}

void EtcdCluster::put(const std::string& name, const std::string& text) {
    must("/v3/kv/put", {{"key", key_of(name)}, {"value", encode_base64(text)}});
}

void EtcdCluster::remove(const std::string& name) { must("/v3/kv/deleterange", {{"key", key_of(name)}}); }

EtcdCluster::Answer EtcdCluster::call(int member, const std::string& path, const json& body, const std::string& token) {
    HttpCall call{.method = "POST", .url = url(member) + path, .body = body.dump()};
    if (!token.empty()) call.headers.push_back("Authorization: " + token);
    if (tls_) tls_->identify(call);
    const HttpReply reply = http_call(call);
    return {.status = reply.status, .body = reply.body};
}

EtcdCluster::Answer EtcdCluster::call(const std::string& path, const json& body, const std::string& token) {
    Answer answer;
    for (int i = 0; i < size(); ++i) {
        if (!answers(i)) continue;
        answer = call(i, path, body, token);
        if (answer.status != 0 && answer.status < 500) break;
    }
    return answer;
}

json EtcdCluster::must(const std::string& path, const json& body, const std::string& token) {
    Answer answer;
    const auto answered = [&] {
        answer = call(path, body, token);
        return answer.status != 0 && answer.status != 503;  // 503: it elects a leader just now
    };
    if (!harness::eventually(answered) || answer.status != 200) {
        server_failed(fmt::format("{} was answered {}: {}", path, answer.status, answer.body), log(0));
    }
    return answer.json();
}

bool EtcdCluster::is_ready() {
    // With authentication it refuses, which will do.
    const int status = call("/v3/kv/range", {{"key", encode_base64("ready?")}}).status;
    return status == 200 || status == 400;
}

int EtcdCluster::leader() {
    for (int i = 0; i < size(); ++i) {
        if (!answers(i)) continue;
        const json status = call(i, "/v3/maintenance/status", json::object(), "").json();
        if (status.is_object() && status.contains("leader") && status["leader"] == status["header"]["member_id"]) {
            return i;
        }
    }
    return -1;
}

void EtcdCluster::require_passwords(const std::string& user, const std::string& password, const std::string& prefix) {
    must("/v3/auth/user/add", {{"name", "root"}, {"password", "root"}});
    must("/v3/auth/role/add", {{"name", "root"}});
    must("/v3/auth/user/grant", {{"user", "root"}, {"role", "root"}});
    must("/v3/auth/role/add", {{"name", "writer"}});
    std::string end = prefix;
    ++end.back();  // all keys that begin with the prefix
    must("/v3/auth/role/grant",
         {{"name", "writer"},
          {"perm", {{"permType", "READWRITE"}, {"key", encode_base64(prefix)}, {"range_end", encode_base64(end)}}}});
    must("/v3/auth/user/add", {{"name", user}, {"password", password}});
    must("/v3/auth/user/grant", {{"user", user}, {"role", "writer"}});
    must("/v3/auth/enable", json::object());
}

}  // namespace leasehold::servers
