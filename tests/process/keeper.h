// SPDX-License-Identifier: Apache-2.0
//
// A containment as supervisor and guardian use it, without the rest of them, around one of the shapes of roles.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "supervisor/containment.h"

namespace leasehold::process_test {

// A containment that can be had here, or why not. What it made in the file system is removed in the end.
class Place {
public:
    explicit Place(supervisor::ContainmentMethod method);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    supervisor::ContainmentPlan plan;
    std::string why_not;  // empty: it can be used
};

// The FIFO that a shape holds.
class Witness {
public:
    Witness();
    ~Witness();
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;

    const std::string& path() const { return path_; }
    bool ready() const;     // waits until the tree has its shape
    bool all_gone() const;  // whether nobody holds it now

private:
    std::string folder_;
    std::string path_;
    UniqueFd reading_;
};

enum class Emptier { supervisor, guardian };

struct Emptied {
    bool proven = false;    // the containment said so in the end
    bool all_gone = false;  // and at that moment it was so
};

using Maker = std::function<std::unique_ptr<supervisor::Containment>()>;

// Starts the command in the containment, waits for its shape, and empties it: by the supervisor that started it, or by
// the guardian after that one was killed.
Emptied contain(const Maker& make, const std::vector<std::string>& command, const Witness& witness, Emptier by);

}  // namespace leasehold::process_test
