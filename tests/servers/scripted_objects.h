// SPDX-License-Identifier: Apache-2.0
//
// The objects that an API server of the tests keeps, with resourceVersions and uids, conditional writes, and a history
// for watches. As much as leasehold needs, and no sockets, threads or time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace leasehold::servers {

class Objects {
public:
    using Json = nlohmann::json;

    // One request that is no watch. Objects go by their target, "/api/v1/namespaces/ns/configmaps/lock".
    struct Answer {
        int status = 0;
        Json body;
    };
    Answer carry_out(const std::string& method, const std::string& target, const std::string& body);

    // By hand, as kubectl would.
    void put(const std::string& target, Json object);  // makes or replaces it, whatever its version
    void remove(const std::string& target);
    const Json* find(const std::string& target) const;

    // Watches that begin before now are refused from now on.
    void forget_history() { forgotten_ = revision_; }

    // Everything is as old as this, as if it were restored from a backup.
    void take_back(std::uint64_t revision);

    // A watch of one object: reads on from where it is.
    class Watch {
    public:
        // `target`: with its query, which names the object.
        Watch(const Objects& objects, const std::string& target);

        // What there is new, a line for each event.
        std::vector<std::string> read();

    private:
        const Objects& objects_;
        std::string target_;
        std::vector<std::string> first_;  // before any event
        std::uint64_t position_ = 0;
    };

    // An error of the API as it would say it.
    static Answer error(int code, const std::string& reason, const std::string& message);

private:
    struct Event {
        std::uint64_t revision;
        std::string target;
        std::string type;
        Json object;
    };
    Answer create(const std::string& collection, Json object);
    Answer replace(const std::string& target, Json object);

    std::map<std::string, Json> objects_;
    std::vector<Event> history_;
    std::uint64_t revision_ = 100;
    std::uint64_t forgotten_ = 0;
    std::uint64_t uids_ = 0;
};

}  // namespace leasehold::servers
