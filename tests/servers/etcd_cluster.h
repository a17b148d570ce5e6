// SPDX-License-Identifier: Apache-2.0
//
// A real etcd cluster on loopback, with its data in a temporary folder. The program is Debian's, from the cache folder
// of tests/servers/build-kubernetes. Threads, blocking and errors are as for every Ensemble.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/servers/loopback.h"
#include "tests/servers/member_processes.h"
#include "tests/servers/tls_files.h"

namespace leasehold::servers {

class EtcdCluster final : public MemberProcesses {
public:
    struct Options {
        int members = 3;
        bool tls = false;  // towards clients, who need a certificate of the same authority
    };

    static constexpr const char* kName = "etcd";  // in election.store

    static bool available();
    static std::string unavailable_message();

    explicit EtcdCluster(Options options);

    int leader() override;
    std::string store_option(const std::vector<int>& ports) const override;
    std::optional<std::string> text(const std::string& name) override;
    void put(const std::string& name, const std::string& text) override;
    void remove(const std::string& name) override;

    std::string url(int member) const;
    std::string peer_url(int member) const;

    const TlsFiles& tls() const { return tls_.value(); }  // with TLS: what a client needs

    // One request to the gateway of a member that runs.
    struct Answer {
        int status = 0;
        std::string body;
        nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
    };
    Answer call(const std::string& path, const nlohmann::json& body, const std::string& token = {});
    nlohmann::json must(const std::string& path, const nlohmann::json& body, const std::string& token = {});

    // Switches authentication on: root, and `user` who may read and write below `prefix`.
    void require_passwords(const std::string& user, const std::string& password, const std::string& prefix);

private:
    std::vector<std::string> command(int member) override;
    bool is_ready() override;
    Answer call(int member, const std::string& path, const nlohmann::json& body, const std::string& token);

    std::vector<ReservedPort> peer_ports_;
    std::optional<TlsFiles> tls_;
};

}  // namespace leasehold::servers
