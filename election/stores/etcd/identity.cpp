// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/identity.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "base/clock.h"

namespace leasehold::stores::etcd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kPatience = milliseconds(500);
constexpr Duration kAgainWhenMixed = seconds(1);
constexpr Duration kAgainWhenSomeAreMissing = seconds(10);

}  // namespace

bool Identity::known(Duration patience, std::function<void()> then) {
    if (surveyed_) return true;
    waiting_.push_back(std::move(then));
    if (awaited_ == 0) survey(std::min(kPatience, patience));
    return false;
}

void Identity::keep_up() {
    if (!surveyed_) return;  // known() sees to it
    const bool complete = std::none_of(answers_.begin(), answers_.end(), [](const auto& id) { return id.empty(); });
    if (complete && !mixed_) return;
    survey_again_after(mixed_ ? kAgainWhenMixed : kAgainWhenSomeAreMissing);
}

bool Identity::accepts(const std::string& id) {
    if (id_.empty()) id_ = id;
    if (!mixed_ && id == id_) return true;
    survey_again_after(kAgainWhenMixed);
    return false;
}

void Identity::survey_again_after(Duration pause) {
    if (awaited_ == 0 && elapsed_at_least(last_survey_, now()) >= pause) survey(kPatience);
}

void Identity::survey(Duration timeout) {
    last_survey_ = now();
    answers_.assign(members_.size(), "");
    awaited_ = members_.size();
    for (std::size_t member = 0; member < members_.size(); ++member) {
        ask_(member, timeout, [this, member, alive = std::weak_ptr(alive_)](std::string id) {
            if (alive.expired()) return;
            answers_[member] = std::move(id);
            if (--awaited_ == 0) conclude();
        });
    }
}

void Identity::conclude() {
    std::set<std::string> ids(answers_.begin(), answers_.end());
    ids.erase("");
    if (!ids.empty()) mixed_ = ids.size() > 1;
    const auto answered = members_.size() - static_cast<std::size_t>(std::count(answers_.begin(), answers_.end(), ""));
    if (ids.size() == 1 && (id_.empty() || 2 * answered > members_.size())) id_ = *ids.begin();
    surveyed_ = true;
    const std::weak_ptr<int> alive = alive_;
    const auto waiting = std::exchange(waiting_, {});
    for (const auto& then : waiting) {
        if (!alive.expired()) then();
    }
}

std::string Identity::problem(const std::string& server, const std::string& id) const {
    std::string words;
    for (std::size_t member = 0; member < members_.size(); ++member) {
        if (!answers_[member].empty()) words += fmt::format("; {} is of {}", members_[member], answers_[member]);
    }
    return fmt::format(
        "{} is of cluster {}, but election.store.etcd.endpoints must all be members of one cluster{}: correct them, or "
        "have the member that was started anew join its cluster",
        server, id, words);
}

}  // namespace leasehold::stores::etcd
