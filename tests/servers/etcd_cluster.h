// SPDX-License-Identifier: Apache-2.0
//
// A real etcd cluster on loopback, with its data in a temporary folder. The program is Debian's, from the cache folder
// of tests/servers/build-kubernetes.
//
// Threads: for the thread that made it; the members die with that thread. Functions block until what they do is done.
// What cannot be done is thrown as std::runtime_error with the end of a member's log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/harness/candidate.h"
#include "tests/servers/certificates.h"
#include "tests/servers/loopback.h"

namespace leasehold::servers {

class EtcdCluster {
public:
    struct Options {
        int members = 3;
        bool tls = false;  // towards clients, who need a certificate of the same authority
    };

    static bool available();
    static std::string unavailable_message();

    explicit EtcdCluster(Options options);
    ~EtcdCluster();
    EtcdCluster(const EtcdCluster&) = delete;
    EtcdCluster& operator=(const EtcdCluster&) = delete;

    int size() const { return static_cast<int>(members_.size()); }
    int port(int member) const { return members_[member]->client_port.number(); }
    std::string url(int member) const;
    std::string peer_url(int member) const;

    // With TLS: what a client needs, as paths of PEM files.
    std::string ca_file() const { return path("ca.crt"); }
    std::string certificate_file() const { return path("client.crt"); }
    std::string key_file() const { return path("client.key"); }

    // Who leads, by the word of the first member that answers; -1: nobody does.
    int leader();

    void kill(int member);   // SIGKILL
    void start(int member);  // on the same ports, with the data that it had; does not wait
    void pause(int member);  // SIGSTOP
    void resume(int member);
    void await_ready();  // until a linearizable read succeeds

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
