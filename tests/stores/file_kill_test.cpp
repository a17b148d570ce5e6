// SPDX-License-Identifier: Apache-2.0
//
// Writers that are killed: at every step, and at random moments. Looked at from outside, by a checker that is shown to
// find a torn record.
#include <atomic>
#include <random>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "election/stores/record_json.h"
#include "tests/conformance/store_conformance.h"
#include "tests/stores/support.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::WriteStatus;

// What a writer says about itself, in memory that outlives it.
struct Board {
    std::atomic<std::uint64_t> begun{0};    // transitions of the last write that was begun
    std::atomic<std::uint64_t> applied{0};  // and of the last that was reported as applied, or how many were
    std::atomic<std::uint64_t> generation{0};
};

class SharedBoard {
public:
    SharedBoard() {
        void* memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        board_ = memory == MAP_FAILED ? nullptr : new (memory) Board;
    }
    SharedBoard(const SharedBoard&) = delete;
    SharedBoard& operator=(const SharedBoard&) = delete;
    ~SharedBoard() { munmap(board_, sizeof(Board)); }
    Board* operator->() const { return board_; }

private:
    Board* board_ = nullptr;
};

// What is wrong with the record after its writer was killed; empty when nothing is.
std::string violation(const TempFolder& temp, const SharedBoard& board) {
    RegisterFile observer(temp.place(), "observer");
    const auto outcome = observer.read();
    if (outcome.status != election::ReadStatus::ok) return "cannot be read: " + outcome.detail;
    const auto& found = outcome.snapshot;
    if (found.presence == Presence::absent && board->applied == 0) return "";
    if (found.presence != Presence::present) return "torn or lost: " + found.problem;
    if (found.rolled_back) return "believed to be restored from a backup";
    if (found.never_written) return "believed never to have been written";
    if (found.version.number < board->generation) return "an applied write is lost";
    const std::uint64_t count = found.record.transitions;
    if (count < board->applied) return "an applied write is lost";
    if (count != board->begun && count + 1 != board->begun) return "neither the last write begun nor the one before it";
    return "";
}

// Writes as fast as it can, for ever.
int write_on_and_on(const TempFolder& temp, const SharedBoard& board, const FileStepHook& hook = {}) {
    RegisterFile file(temp.place(), "child", hook);
    while (true) {
        const auto seen = file.read().snapshot;
        const std::uint64_t next = seen.presence == Presence::absent ? 1 : seen.record.transitions + 1;
        board->begun = next;
        const auto record = sample_record("child", next);
        const bool absent = seen.presence == Presence::absent;
        const auto outcome = write_now(file, absent ? creation(record) : replacement(seen.version, record));
        if (outcome.status != WriteStatus::applied) return 1;
        board->generation = outcome.version.number;
        board->applied = next;
    }
}

void expect_next_write_works(const TempFolder& temp) {
    RegisterFile next(temp.place(), "next");
    const auto seen = next.read().snapshot;
    const auto record = sample_record("next", seen.record.transitions + 1);
    const bool absent = seen.presence == Presence::absent;
    const auto outcome = write_now(next, absent ? creation(record) : replacement(seen.version, record));
    EXPECT_EQ(outcome.status, WriteStatus::applied) << outcome.detail;
    EXPECT_GE(outcome.version.number, seen.version.number + (absent ? 0 : 1));
}

TEST(KilledWriters, AtEveryStep) {
    for (const FileStep fatal : {FileStep::temp_written, FileStep::locked, FileStep::intent_written,
                                 FileStep::before_rename, FileStep::renamed, FileStep::committed, FileStep::unlocked}) {
        for (const int in_write : {1, 3}) {
            SCOPED_TRACE("step " + std::to_string(static_cast<int>(fatal)) + " of write " + std::to_string(in_write));
            const TempFolder temp;
            const SharedBoard board;
            int occurrences = 0;
            ChildProcess writer([&] {
                return write_on_and_on(temp, board, [&](FileStep step) {
                    if (step == fatal && ++occurrences == in_write) raise(SIGKILL);
                });
            });
            EXPECT_EQ(writer.wait(), -1);
            EXPECT_EQ(violation(temp, board), "");
            expect_next_write_works(temp);
            remove_leftovers(temp.folder(), temp.place().name);
            EXPECT_EQ(temp.count_temporary_files(), 0U);
        }
    }
}

TEST(KilledWriters, AtRandomMoments) {
    constexpr int kKills = 250;
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const TempFolder temp;
    const SharedBoard board;
    std::uint64_t highest = 0;
    for (int kill = 0; kill < kKills; ++kill) {
        const std::uint64_t before = board->begun;
        ChildProcess writer([&] {
            remove_leftovers(temp.folder(), temp.place().name);  // as every start does
            return write_on_and_on(temp, board);
        });
        ASSERT_TRUE(wait_until([&] { return board->begun > before + random() % 2; }));
        usleep(static_cast<useconds_t>(random() % 12'000));  // any moment will do: nothing depends on how long
        writer.kill_and_wait();
        ASSERT_EQ(violation(temp, board), "") << "after kill " << kill;
        RegisterFile observer(temp.place(), "observer");
        const std::uint64_t generation = observer.read().snapshot.version.number;
        EXPECT_GE(generation, highest);
        highest = generation;
        EXPECT_LE(temp.count_temporary_files(), 1U) << "leftovers pile up";
    }
    expect_next_write_works(temp);
}

TEST(KilledWriters, SeveralAtATimeNeverLoseEachOthersWrites) {
    constexpr int kRounds = 30;
    constexpr std::size_t kWriters = 3;
    std::mt19937_64 random(std::random_device{}());
    const TempFolder temp;
    std::array<SharedBoard, kWriters> boards;
    std::uint64_t highest = 0;
    // Everyone counts on; who loses a race reads again. Each count may be applied once only.
    const auto count_on = [&](SharedBoard& board) {
        RegisterFile file(temp.place(), "child");
        while (true) {
            const auto seen = file.read().snapshot;
            const bool absent = seen.presence == Presence::absent;
            const auto record = sample_record("child", absent ? 1 : seen.record.transitions + 1);
            board->begun = record.transitions;
            const auto outcome = write_now(file, absent ? creation(record) : replacement(seen.version, record));
            if (outcome.status == WriteStatus::conflict) continue;
            if (outcome.status != WriteStatus::applied) return 1;
            board->generation = outcome.version.number;
            board->applied = board->applied + 1;
        }
    };
    for (int round = 0; round < kRounds; ++round) {
        std::vector<std::unique_ptr<ChildProcess>> writers;
        std::uint64_t before = 0;
        for (const SharedBoard& board : boards) before += board->applied;
        for (SharedBoard& board : boards) {
            writers.push_back(std::make_unique<ChildProcess>([&] { return count_on(board); }));
        }
        const auto applied = [&] {
            std::uint64_t sum = 0;
            for (const SharedBoard& board : boards) sum += board->applied;
            return sum;
        };
        ASSERT_TRUE(wait_until([&] { return applied() > before + random() % 4; }));
        for (const auto& writer : writers) writer->kill_and_wait();
        RegisterFile observer(temp.place(), "observer");
        const auto found = observer.read().snapshot;
        ASSERT_EQ(found.presence, Presence::present) << found.problem;
        EXPECT_FALSE(found.rolled_back);
        EXPECT_GE(found.version.number, highest);
        highest = found.version.number;
        for (const SharedBoard& board : boards) EXPECT_GE(found.version.number, board->generation);
        // Every applied write counted, and each killed writer may have one more in there.
        EXPECT_GE(found.record.transitions, applied());
        EXPECT_LE(found.record.transitions, applied() + kWriters * static_cast<std::uint64_t>(round + 1));
        remove_leftovers(temp.folder(), temp.place().name);
        EXPECT_EQ(temp.count_temporary_files(), 0U);
    }
}

// The checker must be able to fail: writers that do it wrong.
TEST(KilledWriters, TheCheckerFindsATornRecord) {
    const TempFolder temp;
    const SharedBoard board;
    ChildProcess writer([&] {
        const std::string text = encode_record(sample_record("child", 1), JsonLayout::indented, 1);
        board->begun = 1;
        std::ofstream in_place(temp.record(), std::ios::trunc);
        in_place << text.substr(0, text.size() / 2) << std::flush;
        raise(SIGKILL);
        return 0;
    });
    writer.wait();
    EXPECT_NE(violation(temp, board), "");
}

TEST(KilledWriters, TheCheckerFindsALostWrite) {
    const TempFolder temp;
    const SharedBoard board;
    ChildProcess writer([&] {
        int writes = 0;
        const std::string backup = temp.folder() + "/backup";
        return write_on_and_on(temp, board, [&](FileStep step) {
            if (step != FileStep::temp_written) return;
            ++writes;
            if (writes == 2) std::filesystem::copy_file(temp.record(), backup);
            if (writes == 4) std::filesystem::rename(backup, temp.record());
            if (writes == 4) raise(SIGKILL);
        });
    });
    writer.wait();
    EXPECT_NE(violation(temp, board), "");
}

}  // namespace
}  // namespace leasehold::stores
