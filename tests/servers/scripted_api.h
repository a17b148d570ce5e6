// SPDX-License-Identifier: Apache-2.0
//
// A Kubernetes API on the scripted server, with TLS: healthy as far as leasehold can tell, until a test makes trouble.
// Candidates are told apart by their tokens.
//
// Threads: all members may be called from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/servers/scripted_objects.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::servers {

class ScriptedApi {
public:
    // What a healthy server would do about a request, and does when this is called.
    using Healthy = std::function<Reply()>;
    using Trouble = std::function<Reply(const Request&, const Healthy&)>;

    ScriptedApi();

    // From the next request on; nothing: no trouble.
    void set_trouble(Trouble trouble);
    void disconnect() { server_.disconnect(); }  // all, so that there are no watches from before

    void put(const std::string& target, Objects::Json object);
    Objects::Json get(const std::string& target) const;  // null when there is no such object

    // The text of a kubeconfig for this server, and of the file that it names.
    std::string kubeconfig(const std::string& token, const std::string& namespace_name,
                           const std::string& ca_file) const;
    const std::string& ca_pem() const { return authority_.pem(); }

    static bool is_watch(const Request& request);
    static bool is_write(const Request& request) { return request.method != "GET"; }
    static std::string token_of(const Request& request);

    // When requests with this token arrived.
    std::vector<std::chrono::nanoseconds> arrivals(const std::string& token) const;

private:
    Reply healthy(const Request& request);
    Reply answer(const Request& request);
    void tell_watches();

    struct Listener {
        std::weak_ptr<Feed> feed;
        Objects::Watch watch;
    };
    const Authority authority_;
    mutable std::mutex mutex_;
    Objects objects_;
    std::list<Listener> listeners_;
    Trouble trouble_;
    std::map<std::string, std::vector<std::chrono::nanoseconds>> arrivals_;
    ScriptedServer server_;  // last: its threads use the others
};

// The most of these that fall into one second.
std::size_t busiest_second(const std::vector<std::chrono::nanoseconds>& arrivals);

}  // namespace leasehold::servers
