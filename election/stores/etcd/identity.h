// SPDX-License-Identifier: Apache-2.0
//
// Which cluster the endpoints belong to, by their own word: a member that was wiped and started anew is a cluster of
// its own, in which nobody holds anything, and a wrong address in a list may be that of another one. All members are
// asked before the first of them is believed, and asked again until all have answered; while two say different things
// none is believed.
//
// A cluster that was restored under a new id is believed once more than half of the endpoints say so.
//
// Threads: the loop's. Never blocks.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"

namespace leasehold::stores::etcd {

class Identity {
public:
    // Asks one member, and calls back once, within the time and not from inside the call: with the cluster's id, or
    // with nothing.
    using Answered = std::function<void(std::string id)>;
    using Ask = std::function<void(std::size_t member, Duration timeout, Answered answered)>;

    Identity(std::vector<std::string> members, Ask ask) : members_(std::move(members)), ask_(std::move(ask)) {}

    // Calls back when all members have been asked once; true: it has been, nobody calls.
    bool known(Duration patience, std::function<void()> then);

    // Asks again if it is time to. To be called before each request.
    void keep_up();

    // Whether an answer with this id is one of the cluster. If not, that is looked into.
    bool accepts(const std::string& id);

    const std::string& id() const { return id_; }                                 // empty until somebody has answered
    std::string problem(const std::string& server, const std::string& id) const;  // of what is not accepted, for people

private:
    void survey(Duration timeout);
    void survey_again_after(Duration pause);
    void conclude();

    const std::vector<std::string> members_;  // for people
    const Ask ask_;
    std::string id_;
    std::vector<std::string> answers_;  // of the survey under way, or of the last one; empty: none
    std::size_t awaited_ = 0;
    bool surveyed_ = false;
    bool mixed_ = false;
    Instant last_survey_{};
    std::vector<std::function<void()>> waiting_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace leasehold::stores::etcd
