// SPDX-License-Identifier: Apache-2.0
//
// The register in a file, on this thread: what happens when people or other programs lay hands on the files.
#include "election/stores/register_file.h"

#include <thread>

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "election/stores/record_json.h"
#include "tests/conformance/store_conformance.h"
#include "tests/stores/support.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::ReadStatus;
using election::Snapshot;
using election::Version;
using election::WriteStatus;

class RegisterFileTest : public ::testing::Test {
protected:
    Snapshot see(RegisterFile& file) {
        const auto outcome = file.read();
        EXPECT_EQ(outcome.status, ReadStatus::ok) << outcome.reason << ": " << outcome.detail;
        return outcome.snapshot;
    }
    Snapshot see() { return see(file_); }

    Version must_write(RegisterFile& file, const WriteRequest& request) {
        const auto outcome = write_now(file, request);
        EXPECT_EQ(outcome.status, WriteStatus::applied) << outcome.reason << ": " << outcome.detail;
        return outcome.version;
    }
    Version create(std::uint64_t transitions = 1) {
        return must_write(file_, creation(sample_record("a", transitions)));
    }
    Version replace(const Version& expected, std::uint64_t transitions) {
        return must_write(file_, replacement(expected, sample_record("a", transitions)));
    }
    // Another process, which remembers nothing.
    std::unique_ptr<RegisterFile> stranger(FileStepHook hook = {}) {
        return std::make_unique<RegisterFile>(temp_.place(), "stranger", std::move(hook));
    }

    TempFolder temp_;
    RegisterFile file_{temp_.place(), "me"};
};

TEST_F(RegisterFileTest, GenerationsStartAtOneAndAreTheVersion) {
    const auto first = create();
    EXPECT_EQ(first.number, 1U);
    EXPECT_EQ(replace(first, 2).number, 2U);
    EXPECT_EQ(decode_record(text_of_file(temp_.record())).generation, 2U);
    EXPECT_EQ(temp_.count_temporary_files(), 0U);
    EXPECT_EQ(parse_lock_state(text_of_file(temp_.lock())), (LockState{false, 2, 2}));
}

TEST_F(RegisterFileTest, RacingCreatorsInThreads) {
    constexpr int kCreators = 20;
    std::atomic<int> applied{0}, conflicts{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < kCreators; ++i) {
            threads.emplace_back([&, i] {
                RegisterFile file(temp_.place(), "w" + std::to_string(i));
                const auto status = write_now(file, creation(sample_record("w" + std::to_string(i)))).status;
                applied += status == WriteStatus::applied ? 1 : 0;
                conflicts += status == WriteStatus::conflict ? 1 : 0;
            });
        }
    }
    EXPECT_EQ(applied, 1);
    EXPECT_EQ(conflicts, kCreators - 1);
    EXPECT_EQ(temp_.count_temporary_files(), 0U);
}

TEST_F(RegisterFileTest, RacingCreatorsInProcesses) {
    constexpr int kCreators = 20;
    int applied = 0, conflicts = 0;
    for (int round = 0; round < 5; ++round) {
        std::filesystem::remove(temp_.record());
        std::vector<std::unique_ptr<ChildProcess>> children;
        for (int i = 0; i < kCreators; ++i) {
            children.push_back(std::make_unique<ChildProcess>([&, i] {
                RegisterFile file(temp_.place(), "w");
                return static_cast<int>(write_now(file, creation(sample_record("w" + std::to_string(i)))).status);
            }));
        }
        for (const auto& child : children) {
            const int status = child->wait();
            applied += status == static_cast<int>(WriteStatus::applied) ? 1 : 0;
            conflicts += status == static_cast<int>(WriteStatus::conflict) ? 1 : 0;
        }
        EXPECT_EQ(applied, round + 1);
        EXPECT_EQ(applied + conflicts, (round + 1) * kCreators);
    }
}

TEST_F(RegisterFileTest, ARestoredRecordIsRecognised) {
    const auto first = create();
    const std::string old_text = text_of_file(temp_.record());
    const auto second = replace(first, 2);
    EXPECT_FALSE(see().rolled_back);
    put_file(temp_.record(), old_text);
    const auto restored = see(*stranger());
    EXPECT_TRUE(restored.rolled_back);
    EXPECT_EQ(restored.presence, Presence::present);
    EXPECT_EQ(restored.version, first);
    const auto repaired = replace(restored.version, 3);
    EXPECT_GT(repaired.number, second.number);
    EXPECT_FALSE(see(*stranger()).rolled_back);
}

TEST_F(RegisterFileTest, ARecordAndLockFileRestoredTogetherDoNotTakeALivingWriterBack) {
    const auto first = create();
    const std::string old_record = text_of_file(temp_.record()), old_lock = text_of_file(temp_.lock());
    const auto third = replace(replace(first, 2), 3);
    put_file(temp_.record(), old_record);
    put_file(temp_.lock(), old_lock);
    EXPECT_GT(replace(see().version, 4).number, third.number);
}

TEST_F(RegisterFileTest, EditsByHandAreOtherVersions) {
    const auto version = create();
    std::string text = text_of_file(temp_.record());
    text.replace(text.find("\"a\""), 3, "\"b\"");
    put_file(temp_.record(), text);
    const auto edited = see();
    EXPECT_EQ(edited.record.holder, "b");
    EXPECT_FALSE(edited.version == version);
    EXPECT_EQ(write_now(file_, replacement(version, sample_record("a", 2))).status, WriteStatus::conflict);
    EXPECT_GT(replace(edited.version, 2).number, version.number);
}

TEST_F(RegisterFileTest, EmptiedByHandIsVacatedNotFree) {
    const auto version = create();
    put_file(temp_.record(), "");
    const auto emptied = see();
    EXPECT_EQ(emptied.presence, Presence::vacated);
    EXPECT_FALSE(emptied.never_written);
    EXPECT_EQ(write_now(file_, creation(sample_record("b"))).status, WriteStatus::conflict);
    EXPECT_GT(replace(emptied.version, 2).number, version.number);

    std::string text = text_of_file(temp_.record());
    text.replace(text.find("\"a\""), 3, "\"\"");
    put_file(temp_.record(), text);
    EXPECT_EQ(see().presence, Presence::vacated);
    EXPECT_EQ(see().record.lease_duration, std::chrono::seconds(15));
}

TEST_F(RegisterFileTest, EveryKindOfThingInItsPlaceIsUnreadable) {
    create();
    const std::string good = text_of_file(temp_.record());
    for (std::size_t length : {std::size_t{1}, good.size() / 2, good.size() - 2}) {
        put_file(temp_.record(), good.substr(0, length));
        EXPECT_EQ(see().presence, Presence::unreadable) << length;
    }
    put_file(temp_.record(), std::string(1 << 20, ' '));
    EXPECT_EQ(see().presence, Presence::unreadable);

    const auto replaced_by = [&](const std::string& what) {
        const auto found = see();
        EXPECT_EQ(found.presence, Presence::unreadable);
        EXPECT_NE(found.problem.find(what), std::string::npos) << found.problem;
        std::filesystem::remove_all(temp_.record());
    };
    std::filesystem::remove(temp_.record());
    std::filesystem::create_directory(temp_.record());
    EXPECT_EQ(write_now(file_, replacement(see().version, sample_record("a", 2))).status, WriteStatus::failed);
    replaced_by("folder");
    ASSERT_EQ(mkfifo(temp_.record().c_str(), 0644), 0);
    replaced_by("FIFO");
    put_file(temp_.folder() + "/elsewhere", good);
    std::filesystem::create_symlink(temp_.folder() + "/elsewhere", temp_.record());
    replaced_by("symbolic link");
    EXPECT_EQ(temp_.count_temporary_files(), 0U);
}

TEST_F(RegisterFileTest, NothingIsCreatedOverTheAbsenceAfterARecordThatCameAndWent) {
    ASSERT_TRUE(create_lock_file(open_folder(temp_.folder())->get(), temp_.place().lock_name, true).value_or(false));
    WriteRequest late = creation(sample_record("late", 1));
    late.expected = see().version;
    create();
    std::filesystem::remove(temp_.record());
    EXPECT_EQ(write_now(*stranger(), late).status, WriteStatus::conflict);
    late.expected = see().version;
    EXPECT_EQ(write_now(*stranger(), late).status, WriteStatus::applied);
}

// Between the look at the record and the lock.
TEST_F(RegisterFileTest, ARecordThatCameAndWentInTheLastMomentIsNoticedWithItsLockFileAndWithout) {
    ASSERT_TRUE(create_lock_file(open_folder(temp_.folder())->get(), temp_.place().lock_name, true).value_or(false));
    for (const bool with_lock_file : {false, true}) {
        WriteRequest late = creation(sample_record("late", 1));
        late.expected = see().version;
        ASSERT_NE(late.expected.number, 0U);
        const auto interrupted = stranger([&](FileStep step) {
            if (step != FileStep::temp_written) return;
            create();
            std::filesystem::remove(temp_.record());
            if (with_lock_file) std::filesystem::remove(temp_.lock());
        });
        EXPECT_EQ(write_now(*interrupted, late).status, WriteStatus::conflict);
    }
    EXPECT_EQ(see().version.number, 0U) << "nothing is known of it now";
}

TEST_F(RegisterFileTest, ALockFileMadeWhileRunningIsNoWitness) {
    ASSERT_TRUE(create_lock_file(open_folder(temp_.folder())->get(), temp_.place().lock_name, true).value_or(false));
    EXPECT_TRUE(see().never_written);
    const auto version = create();
    EXPECT_FALSE(see(*stranger()).never_written);
    std::filesystem::remove(temp_.record());
    EXPECT_FALSE(see(*stranger()).never_written);
    EXPECT_EQ(see(*stranger()).version.number, version.number + 1);
    std::filesystem::remove(temp_.lock());
    EXPECT_FALSE(see(*stranger()).never_written);

    const auto again = create();
    EXPECT_GT(again.number, version.number) << "the living writer remembers";
    std::filesystem::remove(temp_.lock());
    EXPECT_GT(replace(again, 2).number, again.number);
    std::filesystem::remove(temp_.record());
    EXPECT_FALSE(see(*stranger()).never_written);
}

TEST_F(RegisterFileTest, ADamagedLockFileIsRepaired) {
    auto version = create();
    for (const std::string& damage : {std::string(), std::string("x"), std::string(3000, 'y')}) {
        put_file(temp_.lock(), damage);
        EXPECT_EQ(see(*stranger()).presence, Presence::present);
        const auto next = replace(version, 2);
        EXPECT_EQ(next.number, version.number + 1);
        version = next;
        EXPECT_EQ(parse_lock_state(text_of_file(temp_.lock())), (LockState{false, next.number, next.number}));
    }
}

TEST_F(RegisterFileTest, ALockFileReplacedInTheMiddleOfAWriteStopsIt) {
    const auto version = create();
    const auto writer = stranger([&](FileStep step) {
        if (step == FileStep::intent_written) std::filesystem::remove(temp_.lock());
    });
    const auto outcome = write_now(*writer, replacement(version, sample_record("b", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::failed);
    EXPECT_EQ(outcome.reason, "lock_file");
    EXPECT_EQ(see().version, version);
}

TEST_F(RegisterFileTest, AFolderMovedInTheMiddleOfAWriteStopsIt) {
    const auto version = create();
    const std::string moved = temp_.folder() + "-moved";
    const auto writer = stranger([&](FileStep step) {
        if (step != FileStep::temp_written) return;
        std::filesystem::rename(temp_.folder(), moved);
        std::filesystem::create_directory(temp_.folder());
    });
    const auto outcome = write_now(*writer, replacement(version, sample_record("b", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::failed);
    EXPECT_EQ(outcome.reason, "no_folder");
    std::filesystem::remove_all(temp_.folder());
    std::filesystem::rename(moved, temp_.folder());
    EXPECT_EQ(see().version, version);
    EXPECT_EQ(temp_.count_temporary_files(), 0U);
}

TEST_F(RegisterFileTest, AMissingFolderIsAFailureThatSaysSo) {
    const auto version = create();
    std::filesystem::remove_all(temp_.folder());
    EXPECT_EQ(file_.read().reason, "no_folder");
    const auto outcome = write_now(file_, replacement(version, sample_record("a", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::failed);
    EXPECT_EQ(outcome.reason, "no_folder");
    EXPECT_NE(outcome.detail.find(temp_.folder()), std::string::npos) << outcome.detail;
    std::filesystem::create_directory(temp_.folder());
    EXPECT_EQ(see().presence, Presence::absent);
    EXPECT_FALSE(see().never_written);
    EXPECT_GT(create(2).number, version.number);
}

TEST_F(RegisterFileTest, AWriterThatLosesBetweenPreparingAndLockingLeavesTheWinnerAlone) {
    const auto version = create();
    bool overtaken = false;
    const auto slow = stranger([&](FileStep step) {
        if (step == FileStep::temp_written && !std::exchange(overtaken, true)) replace(version, 2);
    });
    EXPECT_EQ(write_now(*slow, replacement(version, sample_record("b", 9))).status, WriteStatus::conflict);
    EXPECT_EQ(see().record, sample_record("a", 2));
    EXPECT_EQ(temp_.count_temporary_files(), 0U);
}

TEST_F(RegisterFileTest, AnIntentOfAKilledWriterIsNotUsedAgain) {
    const auto version = create();
    bool left = false;
    const auto writer = stranger([&](FileStep step) {
        // Somebody wrote down an intent and died after this writer had chosen its generation.
        if (step == FileStep::temp_written && !std::exchange(left, true)) {
            put_file(temp_.lock(), format_lock_state({false, version.number, version.number + 1}));
        }
    });
    EXPECT_EQ(must_write(*writer, replacement(version, sample_record("b", 2))).number, version.number + 2);
}

TEST_F(RegisterFileTest, GivenUpMeansNotApplied) {
    const auto version = create();
    for (const FileStep moment : {FileStep::temp_written, FileStep::locked, FileStep::intent_written}) {
        bool given_up = false;
        const auto writer = stranger([&](FileStep step) { given_up = given_up || step == moment; });
        FileWrite write(*writer, replacement(version, sample_record("b", 2)), [&] { return given_up; });
        const auto outcome = write.advance();
        ASSERT_TRUE(outcome);
        EXPECT_EQ(outcome->status, WriteStatus::unknown);
        EXPECT_EQ(see().version, version);
        EXPECT_FALSE(see(*stranger()).rolled_back);
    }
    EXPECT_EQ(temp_.count_temporary_files(), 0U);
}

TEST_F(RegisterFileTest, AGenerationAtTheEndIsRefusedNotWrapped) {
    put_file(temp_.record(), encode_record(sample_record("a"), JsonLayout::compact, kHighestGeneration));
    const auto outcome = write_now(file_, replacement(see().version, sample_record("a", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::failed);
    EXPECT_EQ(outcome.reason, "generation");
}

TEST_F(RegisterFileTest, ARecordOfAnotherProgramIsHeldAndReplacedByItsVersion) {
    put_file(temp_.record(), R"({"holderIdentity":"x","leaseDurationSeconds":5,"leaderTransitions":2})");
    const auto found = see();
    EXPECT_EQ(found.presence, Presence::present);
    EXPECT_FALSE(found.rolled_back);
    EXPECT_EQ(replace(found.version, 3).number, 1U);
}

}  // namespace
}  // namespace leasehold::stores
