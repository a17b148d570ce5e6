// SPDX-License-Identifier: Apache-2.0
//
// A real Consul datacenter on loopback, with its data in a temporary folder: servers, and a client agent for those who
// use it. The program is Debian's, from the cache folder of tests/servers/get-consul.
//
// Beyond what an Ensemble does, the agent can be killed and so on like a member: it is the number size().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/harness/candidate.h"
#include "tests/servers/certificates.h"
#include "tests/servers/ensemble.h"
#include "tests/servers/http_call.h"
#include "tests/servers/loopback.h"

namespace leasehold::servers {

class ConsulCluster : public Ensemble {
public:
    struct Options {
        int servers = 3;
        bool agent = true;  // without it clients talk to the first server
        bool tls = false;   // towards clients, who need a certificate of the same authority
        bool acl = false;   // nothing is allowed without a token
    };

    static bool available();
    static std::string unavailable_message();

    explicit ConsulCluster(Options options);
    ~ConsulCluster() override;
    ConsulCluster(const ConsulCluster&) = delete;
    ConsulCluster& operator=(const ConsulCluster&) = delete;

    int size() const override { return options_.servers; }
    int leader() override;
    void kill(int node) override;
    void start(int node) override;
    void pause(int node) override;
    void resume(int node) override;
    void await_ready() override;
    std::vector<int> client_ports() const override { return {port(client_node())}; }
    std::string store_option(const std::vector<int>& ports) const override;
    std::size_t bytes_per_change() const override { return 250; }  // a query
    std::optional<std::string> text(const std::string& name) override;
    void put(const std::string& name, const std::string& text) override;
    void remove(const std::string& name) override;

    std::string url() const { return url(client_node()); }
    std::string url(int node) const;
    int port(int node) const { return nodes_[node]->http_port.number(); }
    int rpc_port(int node) const { return nodes_[node]->rpc_port.number(); }

    // With TLS: what a client needs, as paths of PEM files.
    std::string ca_file() const { return path("ca.crt"); }
    std::string certificate_file() const { return path("client.crt"); }
    std::string key_file() const { return path("client.key"); }

    // With ACLs: a new token for these rules.
    std::string new_token(const std::string& rules);
    void delete_token(const std::string& secret);

    // One request to whom clients talk to, as somebody who may do everything.
    HttpReply call(const std::string& method, const std::string& path, const std::string& body = {});
    HttpReply must(const std::string& method, const std::string& path, const std::string& body = {});

private:
    struct Node {
        ReservedPort http_port;
        ReservedPort gossip_port;
        ReservedPort rpc_port;
        std::unique_ptr<harness::Process> process;
        bool paused = false;
    };

    int client_node() const { return options_.agent ? size() : 0; }
    bool answers(int node) const { return nodes_[node]->process && !nodes_[node]->paused; }
    std::string path(const std::string& name) const { return folder_.path(name); }
    std::string log(int node) const { return path("consul-" + std::to_string(node) + ".log"); }
    void write_certificates() const;
    nlohmann::json configuration(int node) const;
    HttpReply answer(const std::string& method, const std::string& path, const std::string& body);
    HttpReply call(int node, const std::string& method, const std::string& path, const std::string& body);

    const Options options_;
    harness::TempFolder folder_;
    std::vector<std::unique_ptr<Node>> nodes_;  // the servers, then the agent
};

}  // namespace leasehold::servers
