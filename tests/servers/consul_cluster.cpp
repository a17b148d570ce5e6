// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/consul_cluster.h"

#include <fmt/core.h>
#include <unistd.h>

#include "election/stores/digest.h"
#include "tests/servers/server_process.h"

namespace leasehold::servers {

using nlohmann::json;

namespace {

constexpr const char* kMasterToken = "c0ffee00-0000-4000-8000-000000000001";

std::string program() { return cache_folder("consul") + "/consul"; }

std::string key_path(const std::string& name) { return "/v1/kv/leasehold/" + name; }

}  // namespace

bool ConsulCluster::available() { return access(program().c_str(), X_OK) == 0; }

std::string ConsulCluster::unavailable_message() {
    return "consul is not at " + program() + ": run tests/servers/get-consul";
}

ConsulCluster::ConsulCluster(Options options)
    : MemberProcesses(kName, options.servers + (options.agent ? 1 : 0)),
      options_(options),
      gossip_ports_(static_cast<std::size_t>(processes())),
      rpc_ports_(static_cast<std::size_t>(processes())) {
    if (!available()) throw std::runtime_error(unavailable_message());
    if (options_.tls) tls_ = write_tls_files(folder());
    start_all();
    await_ready();
}

std::string ConsulCluster::url(int node) const {
    return fmt::format("{}://127.0.0.1:{}", tls_ ? "https" : "http", port(node));
}

json ConsulCluster::configuration(int node) const {
    const bool server = node < size();
    json servers = json::array();
    for (int i = 0; i < size(); ++i) servers.push_back(fmt::format("127.0.0.1:{}", gossip_port(i)));
    json config = {{"node_name", fmt::format("n{}", node)},
                   {"server", server},
                   {"data_dir", data(node)},
                   {"bind_addr", "127.0.0.1"},
                   {"client_addr", "127.0.0.1"},
                   {"ports",
                    {{"http", tls_ ? -1 : port(node)},
                     {"https", tls_ ? port(node) : -1},
                     {"grpc", -1},
                     {"dns", -1},
                     {"serf_lan", gossip_port(node)},
                     {"serf_wan", -1},
                     {"server", rpc_port(node)}}},
                   {"retry_join", servers},
                   {"retry_interval", "1s"},
                   {"leave_on_terminate", false},
                   {"disable_update_check", true},
                   {"performance", {{"raft_multiplier", 1}}}};  // elections within a second or two
    if (server) {
        config["bootstrap_expect"] = size();
        // Or one that was killed is taken off the list, and for ten seconds after its return does not count as a
        // member.
        config["autopilot"] = {{"cleanup_dead_servers", false}};
    }
    if (options_.acl) {
        config["acl"] = {{"enabled", true}, {"default_policy", "deny"}, {"tokens", {{"master", kMasterToken}}}};
    }
    if (tls_) {
        config["ca_file"] = tls_->ca_file;
        config["cert_file"] = tls_->server_certificate_file;
        config["key_file"] = tls_->server_key_file;
        config["verify_incoming_https"] = true;
    }
    return config;
}

std::vector<std::string> ConsulCluster::command(int node) {
    const std::string file = path(fmt::format("node-{}.json", node));
    harness::write_file(file, configuration(node).dump());
    return {program(), "agent", "-config-file=" + file};
}

HttpReply ConsulCluster::call(int node, const std::string& method, const std::string& path, const std::string& body) {
    HttpCall call{.method = method, .url = url(node) + path, .body = body};
    if (options_.acl) call.headers.push_back(std::string("X-Consul-Token: ") + kMasterToken);
    if (tls_) tls_->identify(call);
    return http_call(call);
}

HttpReply ConsulCluster::call(const std::string& method, const std::string& path, const std::string& body) {
    return call(client_node(), method, path, body);
}

// Once there is one that does not mean that a leader is being elected just now.
HttpReply ConsulCluster::answer(const std::string& method, const std::string& path, const std::string& body) {
    HttpReply reply;
    harness::eventually([&] {
        reply = call(method, path, body);
        return reply.status != 0 && reply.status < 500;
    });
    return reply;
}

HttpReply ConsulCluster::must(const std::string& method, const std::string& path, const std::string& body) {
    const HttpReply reply = answer(method, path, body);
    if (reply.status != 200) {
        server_failed(fmt::format("{} {} was answered {}: {}", method, path, reply.status, reply.body),
                      log(client_node()));
    }
    return reply;
}

bool ConsulCluster::is_ready() {
    if (leader() < 0) return false;  // while there is none an agent waits some seconds for one
    const int status = call("GET", "/v1/kv/ready?consistent").status;
    return status == 200 || status == 404;
}

int ConsulCluster::leader() {
    for (int i = 0; i < size(); ++i) {
        if (!answers(i)) continue;
        const HttpReply reply = call(i, "GET", "/v1/status/leader", "");
        for (int j = 0; j < size(); ++j) {
            const bool is_leader = reply.body == fmt::format("\"127.0.0.1:{}\"", rpc_port(j));
            if (reply.status == 200 && is_leader && answers(j)) return j;
        }
    }
    return -1;
}

std::string ConsulCluster::store_option(const std::vector<int>& ports) const {
    return fmt::format("consul: {{address: \"{}://127.0.0.1:{}\"}}", tls_ ? "https" : "http", ports.at(0));
}

std::optional<std::string> ConsulCluster::text(const std::string& name) {
    const HttpReply reply = answer("GET", key_path(name) + "?raw&consistent", "");
    if (reply.status == 200) return reply.body;
    if (reply.status != 404) server_failed("the key cannot be read: " + reply.body, log(client_node()));
    return std::nullopt;
}

// curl leaves out a body that is empty, which is what Consul takes for an empty value.
void ConsulCluster::put(const std::string& name, const std::string& text) { must("PUT", key_path(name), text); }

void ConsulCluster::remove(const std::string& name) { must("DELETE", key_path(name)); }

std::string ConsulCluster::new_token(const std::string& rules) {
    const std::string name = fmt::format("policy-{:x}", stores::digest(rules));
    const json policy = {{"Name", name}, {"Rules", rules}};
    call("PUT", "/v1/acl/policy", policy.dump());  // may be there already
    const json token = {{"Policies", {{{"Name", name}}}}};
    return json::parse(must("PUT", "/v1/acl/token", token.dump()).body)["SecretID"].get<std::string>();
}

void ConsulCluster::delete_token(const std::string& secret) {
    const json all = json::parse(must("GET", "/v1/acl/tokens").body);
    for (const json& token : all) {
        const std::string id = token["AccessorID"].get<std::string>();
        const json whole = json::parse(must("GET", "/v1/acl/token/" + id).body);
        if (whole.value("SecretID", "") == secret) must("DELETE", "/v1/acl/token/" + id);
    }
}

}  // namespace leasehold::servers
