// SPDX-License-Identifier: Apache-2.0
//
// A real Consul datacenter on loopback, with its data in a temporary folder: servers, and a client agent for those who
// use it. The program is Debian's, from the cache folder of tests/servers/get-consul.
//
// Beyond what an Ensemble does, the agent can be killed and so on like a member: it is the number size().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/servers/http_call.h"
#include "tests/servers/loopback.h"
#include "tests/servers/member_processes.h"
#include "tests/servers/tls_files.h"

namespace leasehold::servers {

class ConsulCluster final : public MemberProcesses {
public:
    struct Options {
        int servers = 3;
        bool agent = true;  // without it clients talk to the first server
        bool tls = false;   // towards clients, who need a certificate of the same authority
        bool acl = false;   // nothing is allowed without a token
    };

    static constexpr const char* kName = "consul";  // in election.store

    static bool available();
    static std::string unavailable_message();

    explicit ConsulCluster(Options options);

    int size() const override { return options_.servers; }
    int leader() override;
    std::vector<int> client_ports() const override { return {port(client_node())}; }
    std::string store_option(const std::vector<int>& ports) const override;
    std::size_t bytes_per_change() const override { return 250; }  // a query
    std::optional<std::string> text(const std::string& name) override;
    void put(const std::string& name, const std::string& text) override;
    void remove(const std::string& name) override;

    std::string url() const { return url(client_node()); }
    std::string url(int node) const;
    int rpc_port(int node) const { return rpc_ports_[static_cast<std::size_t>(node)].number(); }

    const TlsFiles& tls() const { return tls_.value(); }  // with TLS: what a client needs

    // With ACLs: a new token for these rules.
    std::string new_token(const std::string& rules);
    void delete_token(const std::string& secret);

    // One request to whom clients talk to, as somebody who may do everything.
    HttpReply call(const std::string& method, const std::string& path, const std::string& body = {});
    HttpReply must(const std::string& method, const std::string& path, const std::string& body = {});

private:
    std::vector<std::string> command(int node) override;
    bool is_ready() override;
    int client_node() const { return options_.agent ? size() : 0; }
    int gossip_port(int node) const { return gossip_ports_[static_cast<std::size_t>(node)].number(); }
    nlohmann::json configuration(int node) const;
    HttpReply answer(const std::string& method, const std::string& path, const std::string& body);
    HttpReply call(int node, const std::string& method, const std::string& path, const std::string& body);

    const Options options_;
    std::vector<ReservedPort> gossip_ports_;
    std::vector<ReservedPort> rpc_ports_;
    std::optional<TlsFiles> tls_;
};

}  // namespace leasehold::servers
