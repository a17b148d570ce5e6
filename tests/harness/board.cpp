// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/board.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

namespace leasehold::harness {

Board::Board(const std::string& path) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    void* page = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof(BoardLayout)) == 0) {
        page = mmap(nullptr, sizeof(BoardLayout), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (fd >= 0) close(fd);
    if (page == MAP_FAILED) {
        std::perror(path.c_str());
        std::abort();
    }
    layout_ = static_cast<BoardLayout*>(page);  // a new file is all zero, which is an empty board
    const std::string locks = path + ".alive";
    locks_ = open(locks.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (locks_ < 0) {
        std::perror(locks.c_str());
        std::abort();
    }
}

Board::~Board() {
    munmap(layout_, sizeof(BoardLayout));
    close(locks_);
}

Slot& Board::claim() {
    const std::uint32_t index = layout_->used++;
    if (index >= kSlots) std::abort();
    return layout_->slots[index];
}

// Locks of this kind belong to a process, not to a descriptor: a fork does not inherit them, death ends them.
void Board::live_in(const Slot& slot) {
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = &slot - layout_->slots.data();
    lock.l_len = 1;
    if (fcntl(locks_, F_SETLK, &lock) != 0) {
        std::perror("locking a slot of the board");
        std::abort();
    }
}

bool Board::alive(std::uint32_t index) const {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = index;
    lock.l_len = 1;
    return fcntl(locks_, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::uint32_t Board::other_tree_alive(std::uint64_t tree) const {
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(layout_->used, kSlots); ++i) {
        const std::uint64_t its_tree = layout_->slots[i].tree;
        if (its_tree != 0 && its_tree != tree && alive(i)) return i + 1;
    }
    return 0;
}

std::vector<std::uint64_t> Board::living_trees() const {
    std::vector<std::uint64_t> trees;
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(layout_->used, kSlots); ++i) {
        const std::uint64_t tree = layout_->slots[i].tree;
        if (tree != 0 && alive(i) && std::find(trees.begin(), trees.end(), tree) == trees.end()) trees.push_back(tree);
    }
    return trees;
}

std::vector<Stint> Board::runs() const {
    std::vector<Stint> runs;
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(layout_->used, kSlots); ++i) {
        const Slot& slot = layout_->slots[i];
        if (slot.first_ns == 0) continue;  // claimed, not stamped yet
        runs.push_back({std::chrono::nanoseconds(slot.first_ns), std::chrono::nanoseconds(slot.last_ns), slot.pid,
                        slot.token, slot.identity.data(), slot.tree, std::chrono::nanoseconds(slot.pause_from_ns),
                        std::chrono::nanoseconds(slot.pause_to_ns), slot.met != 0});
    }
    std::sort(runs.begin(), runs.end(), [](const Stint& a, const Stint& b) { return a.first < b.first; });
    return runs;
}

std::chrono::nanoseconds monotonic_now() {
    timespec reading{};
    clock_gettime(CLOCK_MONOTONIC, &reading);
    return std::chrono::seconds(reading.tv_sec) + std::chrono::nanoseconds(reading.tv_nsec);
}

std::string find_overlap(const std::vector<Stint>& runs) {
    for (std::size_t i = 1; i < runs.size(); ++i) {
        for (std::size_t earlier = 0; earlier < i; ++earlier) {
            const Stint& a = runs[earlier];
            const Stint& b = runs[i];
            if (b.first <= a.last) {
                const std::chrono::duration<double, std::milli> both = std::min(a.last, b.last) - b.first;
                return fmt::format("run {} of {} (process {}) and run {} of {} (process {}) overlap by {:.3f} ms",
                                   earlier, a.identity, a.pid, i, b.identity, b.pid, both.count());
            }
        }
        if (runs[i].token <= runs[i - 1].token) {
            return fmt::format("the fencing token went from {} to {}", runs[i - 1].token, runs[i].token);
        }
    }
    return {};
}

}  // namespace leasehold::harness
