// SPDX-License-Identifier: Apache-2.0
//
// A real ZooKeeper ensemble on loopback, with its data in a temporary folder. The program is Debian's package
// zookeeper.
//
// Threads, blocking and errors are as for every Ensemble.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/servers/loopback.h"
#include "tests/servers/member_processes.h"

struct _zhandle;

namespace leasehold::servers {

class ZookeeperCluster final : public MemberProcesses {
public:
    struct Options {
        int members = 3;
        std::string settings{};  // more lines of zoo.cfg
    };

    static constexpr const char* kName = "zookeeper";  // in election.store

    static bool available();
    static std::string unavailable_message();

    explicit ZookeeperCluster(Options options);
    ~ZookeeperCluster() override;

    int leader() override;
    std::string store_option(const std::vector<int>& ports) const override;
    std::optional<std::string> text(const std::string& name) override;
    void put(const std::string& name, const std::string& text) override;
    void remove(const std::string& name) override;

    std::string address(int member) const { return "127.0.0.1:" + std::to_string(port(member)); }
    int peer_port(int member) const { return peer_ports_[static_cast<std::size_t>(member)].number(); }

    // The answer to four letters; empty if there is none within a second.
    std::string ask(int member, const std::string& letters) const;

    // Past all that is tested. Paths are whole; what is missing above is made. A znode is removed with all below.
    std::optional<std::string> get(const std::string& path);
    void set(const std::string& path, const std::string& text);
    void remove_all(const std::string& path);
    std::vector<std::string> children(const std::string& path);
    void make_ephemeral(const std::string& path);  // as long as this object asks for nothing else in between

    // Only this user may do anything at this path from now on: "user:password".
    void own(const std::string& path, const std::string& credential);

    // What a backup holds: the data of all, while nothing runs; and back.
    void stop_and_save();
    void restore();

private:
    std::vector<std::string> command(int member) override;
    bool is_ready() override;
    int election_port(int member) const { return election_ports_[static_cast<std::size_t>(member)].number(); }
    std::string live_members() const;
    // Repeats it, with a session of its own, until the answer is none of a connection's.
    int with_session(const std::function<int(_zhandle*)>& what);
    void disconnect();
    int make(const std::string& path, const std::string& text);

    const std::string settings_;
    std::vector<ReservedPort> peer_ports_;
    std::vector<ReservedPort> election_ports_;
    _zhandle* session_ = nullptr;
    pid_t session_owner_ = -1;
    std::string session_members_;
};

}  // namespace leasehold::servers
