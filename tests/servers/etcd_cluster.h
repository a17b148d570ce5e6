// SPDX-License-Identifier: Apache-2.0
//
// A real etcd cluster on loopback, with its data in a temporary folder. The program is Debian's, from the cache folder
// of tests/servers/build-kubernetes. Threads, blocking and errors are as for every Ensemble.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/harness/candidate.h"
#include "tests/servers/certificates.h"
#include "tests/servers/ensemble.h"
#include "tests/servers/loopback.h"

namespace leasehold::servers {

class EtcdCluster : public Ensemble {
public:
    struct Options {
        int members = 3;
        bool tls = false;  // towards clients, who need a certificate of the same authority
    };

    static bool available();
    static std::string unavailable_message();

    explicit EtcdCluster(Options options);
    ~EtcdCluster() override;
    EtcdCluster(const EtcdCluster&) = delete;
    EtcdCluster& operator=(const EtcdCluster&) = delete;

    int size() const override { return static_cast<int>(members_.size()); }
    int leader() override;
    void kill(int member) override;
    void start(int member) override;
    void pause(int member) override;
    void resume(int member) override;
    void await_ready() override;
    std::vector<int> client_ports() const override;
    std::string store_option(const std::vector<int>& ports) const override;
    std::optional<std::string> text(const std::string& name) override;
    void put(const std::string& name, const std::string& text) override;
    void remove(const std::string& name) override;

    int port(int member) const { return members_[member]->client_port.number(); }
    std::string url(int member) const;
    std::string peer_url(int member) const;

    // With TLS: what a client needs, as paths of PEM files.
    std::string ca_file() const { return path("ca.crt"); }
    std::string certificate_file() const { return path("client.crt"); }
    std::string key_file() const { return path("client.key"); }

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
    struct Member {
        ReservedPort client_port;
        ReservedPort peer_port;
        std::unique_ptr<harness::Process> process;
        bool paused = false;
    };

    std::string path(const std::string& name) const { return folder_.path(name); }
    std::string log(int member) const { return path("etcd-" + std::to_string(member) + ".log"); }
    void write_certificates() const;
    Answer call(int member, const std::string& path, const nlohmann::json& body, const std::string& token);

    const Options options_;
    harness::TempFolder folder_;
    std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace leasehold::servers
