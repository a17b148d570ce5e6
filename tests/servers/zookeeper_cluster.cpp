// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/zookeeper_cluster.h"

#include <filesystem>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#define THREADED
#include <zookeeper/zookeeper.h>

#include "tests/servers/server_process.h"

namespace leasehold::servers {
namespace {

constexpr int kSessionMs = 2000;
constexpr const char* kJar = "/usr/share/java/zookeeper.jar";

void ignore_event(zhandle_t*, int, int, const char*, void*) {}
void ignore_line(const char*) {}

bool is_loss(int code) { return code > ZAPIERROR && code != ZOK; }

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

bool ZookeeperCluster::available() { return access(kJar, R_OK) == 0 && access("/usr/bin/java", X_OK) == 0; }

std::string ZookeeperCluster::unavailable_message() {
    return "ZooKeeper is not installed: install the packages libzookeeper-java and default-jre-headless";
}

ZookeeperCluster::ZookeeperCluster(Options options)
    : MemberProcesses(kName, options.members),
      settings_(std::move(options.settings)),
      peer_ports_(static_cast<std::size_t>(options.members)),
      election_ports_(static_cast<std::size_t>(options.members)) {
    if (!available()) throw std::runtime_error(unavailable_message());
    start_all();
    await_ready();
}

ZookeeperCluster::~ZookeeperCluster() { disconnect(); }

std::vector<std::string> ZookeeperCluster::command(int member) {
    // Sessions and elections within seconds, so that a test need not be slow; sessions of 4 s are the longest granted.
    std::string text = fmt::format(
        "tickTime=200\ninitLimit=50\nsyncLimit=10\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\n"
        "admin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\n",
        data(member), port(member));
    for (int i = 0; size() > 1 && i < size(); ++i) {
        text += fmt::format("server.{}=127.0.0.1:{}:{}\n", i + 1, peer_port(i), election_port(i));
    }
    text += settings_;
    std::filesystem::create_directories(data(member));
    const std::string config = path(fmt::format("zookeeper-{}.cfg", member));
    harness::write_file(config, text);
    harness::write_file(data(member) + "/myid", fmt::format("{}\n", member + 1));
    const std::string jars = fmt::format(
        "{0}:/usr/share/java/zookeeper-jute.jar:/usr/share/java/slf4j-api.jar:"
        "/usr/share/java/slf4j-simple.jar:/usr/share/java/netty-all.jar",
        kJar);
    return {"/usr/bin/java",
            "-Xmx96m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Djava.net.preferIPv4Stack=true",
            "-Dzookeeper.jmx.log4j.disable=true",
            "-cp",
            jars,
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            config};
}

std::string ZookeeperCluster::store_option(const std::vector<int>& ports) const {
    return fmt::format("zookeeper: {{servers: {}}}", addresses(ports));
}

std::string ZookeeperCluster::ask(int member, const std::string& letters) const {
    const SocketAddress to = socket_address("127.0.0.1", port(member));
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(fd.get(), to.get(), to.length) != 0) return "";
    if (send(fd.get(), letters.data(), letters.size(), MSG_NOSIGNAL) < 0) return "";
    std::string answer;
    char buffer[4096];
    while (true) {
        pollfd entry{fd.get(), POLLIN, 0};
        if (poll(&entry, 1, 1000) <= 0) return answer;
        const ssize_t got = recv(fd.get(), buffer, sizeof buffer, 0);
        if (got <= 0) return answer;
        answer.append(buffer, static_cast<std::size_t>(got));
    }
}

int ZookeeperCluster::leader() {
    for (int i = 0; i < size(); ++i) {
        if (!answers(i)) continue;
        const std::string answer = ask(i, "srvr");
        if (answer.find("Mode: leader") != std::string::npos || answer.find("Mode: standalone") != std::string::npos) {
            return i;
        }
    }
    return -1;
}

bool ZookeeperCluster::is_ready() {
    if (leader() < 0) return false;
    for (int i = 0; i < size(); ++i) {
        if (answers(i) && ask(i, "srvr").find("Mode: ") == std::string::npos) return false;
    }
    return true;
}

std::string ZookeeperCluster::live_members() const {
    std::vector<std::string> all;
    for (int i = 0; i < size(); ++i) {
        if (answers(i)) all.push_back(address(i));
    }
    return fmt::format("{}", fmt::join(all, ","));
}

void ZookeeperCluster::disconnect() {
    // After a fork its threads are in the other process only, and closing waits for them.
    if (session_ != nullptr && session_owner_ == getpid()) zookeeper_close(session_);
    session_ = nullptr;
}

int ZookeeperCluster::with_session(const std::function<int(_zhandle*)>& what) {
    int code = ZOK;
    const bool done = harness::eventually([&] {
        const std::string members = live_members();
        if (members.empty()) return false;
        if (session_ == nullptr || session_owner_ != getpid() || members != session_members_ ||
            is_unrecoverable(session_) != ZOK) {
            disconnect();
            session_members_ = members;
            session_owner_ = getpid();
            session_ = zookeeper_init2(members.c_str(), ignore_event, kSessionMs, nullptr, nullptr,
                                       ZOO_NO_LOG_CLIENTENV, ignore_line);
        }
        code = session_ != nullptr ? what(session_) : ZSYSTEMERROR;
        if (!is_loss(code)) return true;
        usleep(20'000);
        return false;
    });
    if (!done) throw std::runtime_error(fmt::format("ZooKeeper does not do it: {}", zerror(code)));
    return code;
}

std::optional<std::string> ZookeeperCluster::get(const std::string& path) {
    std::string buffer(1 << 20, '\0');
    int size = 0;
    const int code = with_session([&](zhandle_t* handle) {
        // As new as can be: behind a write, which need not succeed.
        zoo_op_t check;
        zoo_op_result_t result;
        zoo_check_op_init(&check, path.c_str(), -1);
        const int passed = zoo_multi(handle, 1, &check, &result);
        if (is_loss(passed)) return passed;
        size = static_cast<int>(buffer.size());
        return zoo_get(handle, path.c_str(), 0, buffer.data(), &size, nullptr);
    });
    if (code == ZNONODE) return std::nullopt;
    if (code != ZOK) throw std::runtime_error(fmt::format("cannot read {}: {}", path, zerror(code)));
    return buffer.substr(0, static_cast<std::size_t>(std::max(size, 0)));
}

int ZookeeperCluster::make(const std::string& path, const std::string& text) {
    int code = ZNONODE;
    while (code == ZNONODE) {
        code = with_session([&](zhandle_t* handle) {
            return zoo_create(handle, path.c_str(), text.data(), static_cast<int>(text.size()), &ZOO_OPEN_ACL_UNSAFE, 0,
                              nullptr, 0);
        });
        if (code == ZNONODE) make(parent_of(path), "");
    }
    return code;
}

void ZookeeperCluster::set(const std::string& path, const std::string& text) {
    int code = ZNONODE;
    while (code == ZNONODE) {
        code = with_session([&](zhandle_t* handle) {
            return zoo_set(handle, path.c_str(), text.data(), static_cast<int>(text.size()), -1);
        });
        if (code == ZNONODE && make(path, text) == ZOK) return;
    }
    if (code != ZOK) throw std::runtime_error(fmt::format("cannot write {}: {}", path, zerror(code)));
}

std::vector<std::string> ZookeeperCluster::children(const std::string& path) {
    std::vector<std::string> names;
    with_session([&](zhandle_t* handle) {
        String_vector found{0, nullptr};
        names.clear();
        const int code = zoo_get_children(handle, path.c_str(), 0, &found);
        if (code != ZOK) return code;
        for (int i = 0; i < found.count; ++i) names.emplace_back(found.data[i]);
        deallocate_String_vector(&found);
        return code;
    });
    return names;
}

void ZookeeperCluster::remove_all(const std::string& path) {
    while (true) {
        for (const std::string& name : children(path)) remove_all(path + "/" + name);
        const int code = with_session([&](zhandle_t* handle) { return zoo_delete(handle, path.c_str(), -1); });
        if (code == ZOK || code == ZNONODE) return;
        if (code != ZNOTEMPTY) throw std::runtime_error(fmt::format("cannot delete {}: {}", path, zerror(code)));
    }
}

void ZookeeperCluster::make_ephemeral(const std::string& path) {
    make(parent_of(path), "");
    with_session([&](zhandle_t* handle) {
        return zoo_create(handle, path.c_str(), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, nullptr, 0);
    });
}

void ZookeeperCluster::own(const std::string& path, const std::string& credential) {
    make(path, "");
    with_session([&](zhandle_t* handle) {
        zoo_add_auth(handle, "digest", credential.data(), static_cast<int>(credential.size()), nullptr, nullptr);
        return zoo_set_acl(handle, path.c_str(), -1, &ZOO_CREATOR_ALL_ACL);
    });
    disconnect();
}

void ZookeeperCluster::stop_and_save() {
    disconnect();
    for (int i = 0; i < size(); ++i) kill(i);
    for (int i = 0; i < size(); ++i) {
        std::filesystem::copy(data(i), data(i) + ".saved", std::filesystem::copy_options::recursive);
    }
}

void ZookeeperCluster::restore() {
    disconnect();
    for (int i = 0; i < size(); ++i) {
        kill(i);
        std::filesystem::remove_all(data(i));
        std::filesystem::copy(data(i) + ".saved", data(i), std::filesystem::copy_options::recursive);
    }
    for (int i = 0; i < size(); ++i) start(i);
    await_ready();
}

// Where a candidate with store_option() has it.
std::optional<std::string> ZookeeperCluster::text(const std::string& name) { return get("/leasehold/" + name); }
void ZookeeperCluster::put(const std::string& name, const std::string& text) { set("/leasehold/" + name, text); }
void ZookeeperCluster::remove(const std::string& name) { remove_all("/leasehold/" + name); }

}  // namespace leasehold::servers
