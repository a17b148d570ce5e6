// SPDX-License-Identifier: Apache-2.0
//
// A real ZooKeeper ensemble on loopback, with its data in a temporary folder. The program is Debian's package
// zookeeper.
//
// Threads: for the thread that made it; the servers die with that thread. Functions block until what they do is done.
// What cannot be done is thrown as std::runtime_error with the end of a server's log.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/candidate.h"
#include "tests/servers/ensemble.h"
#include "tests/servers/loopback.h"

struct _zhandle;

namespace leasehold::servers {

class ZookeeperCluster : public Ensemble {
public:
    struct Options {
        int members = 3;
        std::string settings{};  // more lines of zoo.cfg
    };

    static bool available();
    static std::string unavailable_message();

    explicit ZookeeperCluster(Options options);
    ~ZookeeperCluster() override;
    ZookeeperCluster(const ZookeeperCluster&) = delete;
    ZookeeperCluster& operator=(const ZookeeperCluster&) = delete;

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
    std::string address(int member) const { return "127.0.0.1:" + std::to_string(port(member)); }
    int peer_port(int member) const { return members_[member]->peer_port.number(); }

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
    struct Member {
        ReservedPort client_port;
        ReservedPort peer_port;
        ReservedPort election_port;
        std::unique_ptr<harness::Process> process;
        bool paused = false;
    };

    std::string path(const std::string& name) const { return folder_.path(name); }
    std::string log(int member) const;
    std::string data(int member) const;
    std::string live_members() const;
    // Repeats it, with a session of its own, until the answer is none of a connection's.
    int with_session(const std::function<int(_zhandle*)>& what);
    void disconnect();
    int make(const std::string& path, const std::string& text);

    const Options options_;
    harness::TempFolder folder_;
    std::vector<std::unique_ptr<Member>> members_;
    _zhandle* session_ = nullptr;
    pid_t session_owner_ = -1;
    std::string session_members_;
};

}  // namespace leasehold::servers
