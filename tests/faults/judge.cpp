// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/judge.h"

#include <algorithm>

#include <fmt/core.h>

namespace leasehold::faults {
namespace {

using harness::Stint;
using std::chrono::nanoseconds;

// Shorter pauses are the scheduler's, not the test's.
constexpr nanoseconds kFreeze = std::chrono::milliseconds(200);

struct Tree {
    std::uint64_t id = 0;
    std::uint64_t token = 0;
    std::string identity;
    nanoseconds first = nanoseconds::max();
    nanoseconds last = nanoseconds::min();
    nanoseconds thawed = nanoseconds::max();  // the earliest end of a long pause
    nanoseconds paused = nanoseconds::min();  // the latest stamp before one
    bool met_another = false;
};

// Who says no term id at all is told apart by the token.
std::uint64_t id_of(const Stint& stint) { return stint.tree != 0 ? stint.tree : stint.token; }

std::vector<Tree> trees_of(const std::vector<Stint>& stints) {
    std::vector<Tree> trees;
    for (const Stint& stint : stints) {
        auto tree = std::find_if(trees.begin(), trees.end(), [&](const Tree& t) { return t.id == id_of(stint); });
        if (tree == trees.end()) {
            tree = trees.insert(tree, Tree{});
            tree->id = id_of(stint);
            tree->token = stint.token;
            tree->identity = stint.identity;
        }
        const bool pause = stint.pause_to - stint.pause_from >= kFreeze;
        tree->first = std::min(tree->first, stint.first);
        tree->last = std::max(tree->last, stint.last);
        tree->paused = std::max(tree->paused, pause ? stint.pause_from : stint.last);
        if (pause) tree->thawed = std::min(tree->thawed, stint.pause_to);
        tree->met_another = tree->met_another || stint.met_another;
    }
    std::sort(trees.begin(), trees.end(), [](const Tree& a, const Tree& b) { return a.first < b.first; });
    return trees;
}

class Judge {
public:
    Judge(std::vector<Tree> trees, bool frozen) : trees_(std::move(trees)), frozen_(frozen) {
        judgement_.trees = trees_.size();
    }

    Judgement verdict() {
        for (std::size_t later = 1; later < trees_.size(); ++later) {
            for (std::size_t earlier = 0; earlier < later; ++earlier) compare(trees_[earlier], trees_[later]);
            follow(trees_[later - 1], trees_[later]);
        }
        return judgement_;
    }

private:
    void compare(const Tree& earlier, const Tree& later) {
        const bool thawed = frozen_ && earlier.thawed != nanoseconds::max() && later.first < earlier.thawed;
        const nanoseconds end = thawed ? earlier.paused : earlier.last;
        if (thawed && earlier.last > earlier.thawed) {
            judgement_.thawed_ms =
                std::max(judgement_.thawed_ms.value_or(0), milliseconds_of(earlier.last - earlier.thawed));
        }
        if (later.first > end) return;
        const double both = milliseconds_of(std::min(end, later.last) - later.first);
        judgement_.overlap_ms = std::max(judgement_.overlap_ms, both);
        complain(fmt::format("the trees of {} (token {}) and {} (token {}) overlap by {:.3f} ms", earlier.identity,
                             earlier.token, later.identity, later.token, both));
    }

    void follow(const Tree& before, const Tree& tree) {
        if (!frozen_ && tree.met_another) {
            complain(fmt::format("something of an earlier tree was alive when that of {} (token {}) began",
                                 tree.identity, tree.token));
        }
        if (tree.token <= before.token) {
            complain(fmt::format("the fencing token went from {} to {}", before.token, tree.token));
        }
        const nanoseconds end = frozen_ ? std::min(before.last, before.paused) : before.last;
        if (tree.first > end) {
            judgement_.nobody_ran_ms =
                std::max(judgement_.nobody_ran_ms.value_or(0), milliseconds_of(tree.first - end));
        }
    }

    void complain(const std::string& text) {
        if (judgement_.problem.empty()) judgement_.problem = text;
    }

    std::vector<Tree> trees_;
    bool frozen_;
    Judgement judgement_;
};

}  // namespace

Judgement judge(const std::vector<Stint>& stints, bool frozen) { return Judge(trees_of(stints), frozen).verdict(); }

}  // namespace leasehold::faults
