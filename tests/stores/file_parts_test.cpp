// SPDX-License-Identifier: Apache-2.0
//
// The parts of the file store that can be looked at alone: what the lock file says, what a state amounts to, which file
// systems are refused, temporary files, the disk's thread.
#include <atomic>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "election/stores/disk_worker.h"
#include "election/stores/lock_file.h"
#include "election/stores/network_fs.h"
#include "election/stores/record_json.h"
#include "election/stores/temp_file.h"
#include "tests/conformance/store_conformance.h"
#include "tests/stores/support.h"

namespace leasehold::stores {
namespace {

using election::Presence;

TEST(NetworkFs, TellsLocalDisksFromOthers) {
    for (const std::uint64_t network : {0x6969U, 0x517BU, 0xFF534D42U, 0xFE534D42U, 0x01021997U, 0x5346414FU,
                                        0x00C36400U, 0x01161970U, 0x7461636FU, 0x0BD00BD0U, 0x65735546U}) {
        EXPECT_TRUE(network_file_system(network)) << network;
    }
    EXPECT_EQ(network_file_system(0x6969), "NFS");
    // As a signed 32-bit f_type arrives after conversion.
    EXPECT_TRUE(network_file_system(0xFFFFFFFFFF534D42));
    // ext4, xfs, btrfs, tmpfs, overlay, f2fs, zfs
    for (const std::uint64_t local :
         {0xEF53U, 0x58465342U, 0x9123683EU, 0x01021994U, 0x794C7630U, 0xF2F52010U, 0x2FC12FC1U}) {
        EXPECT_FALSE(network_file_system(local)) << local;
    }
}

TEST(LockFileText, IsReadAsWrittenAndNotWhenDamaged) {
    for (const LockState& state :
         {LockState{}, LockState{true, 0, 0}, LockState{true, 41, 42}, LockState{false, kHighestGeneration, 1}}) {
        const std::string text = format_lock_state(state);
        EXPECT_EQ(parse_lock_state(text), state);
        EXPECT_TRUE(looks_like_lock_file(text));
        for (std::size_t i = 0; i < text.size(); ++i) {
            EXPECT_EQ(parse_lock_state(text.substr(0, i)), std::nullopt);
            std::string changed = text;
            changed[i] = static_cast<char>(changed[i] ^ 1);
            EXPECT_EQ(parse_lock_state(changed), std::nullopt) << changed;
        }
        EXPECT_EQ(parse_lock_state(text + "\n"), std::nullopt);
    }
    EXPECT_FALSE(looks_like_lock_file("12345\n"));
}

FileText record_of(std::uint64_t generation) {
    return {true, encode_record(sample_record("a"), JsonLayout::compact, generation), ""};
}

TEST(FileStateRules, NothingWrittenIsProvenOnlyByAWitnessThatSawNothing) {
    const auto never_written = [](const std::optional<LockState>& after) {
        return assemble_state(FileText{}, after, after).snapshot.never_written;
    };
    EXPECT_TRUE(never_written(LockState{true, 0, 0}));
    EXPECT_FALSE(never_written(LockState{false, 0, 0}));
    EXPECT_FALSE(never_written(LockState{true, 0, 1}));
    EXPECT_FALSE(never_written(LockState{true, 1, 1}));
    EXPECT_FALSE(never_written(std::nullopt));
}

TEST(FileStateRules, AnOlderRecordThanWasCommittedIsRolledBack) {
    const auto rolled_back = [](std::uint64_t generation, const LockState& lock) {
        return assemble_state(record_of(generation), lock, lock).snapshot.rolled_back;
    };
    EXPECT_FALSE(rolled_back(5, {true, 5, 5}));
    EXPECT_TRUE(rolled_back(4, {true, 5, 5}));
    EXPECT_FALSE(rolled_back(4, {true, 4, 5})) << "killed between intent and rename";
    EXPECT_FALSE(rolled_back(5, {true, 4, 5})) << "killed between rename and commit";
    EXPECT_FALSE(rolled_back(9, {true, 4, 5}));
    // A write between the two looks at the lock file is no rollback.
    EXPECT_FALSE(assemble_state(record_of(5), LockState{true, 5, 5}, LockState{true, 6, 6}).snapshot.rolled_back);
}

TEST(FileStateRules, TheNextGenerationIsAboveEverythingKnown) {
    EXPECT_EQ(assemble_state(record_of(5), LockState{true, 4, 5}, LockState{true, 4, 5}).highest, 5U);
    EXPECT_EQ(assemble_state(record_of(4), LockState{true, 4, 5}, LockState{true, 4, 5}).highest, 5U);
    EXPECT_EQ(assemble_state(FileText{}, LockState{true, 7, 7}, LockState{true, 7, 7}).highest, 7U);
    EXPECT_EQ(assemble_state(record_of(9), std::nullopt, std::nullopt).highest, 9U);
}

TEST(FileStateRules, AnEditIsAnotherVersion) {
    const LockState lock{true, 5, 5};
    FileText edited = record_of(5);
    edited.text.replace(edited.text.find("\"a\""), 3, "\"b\"");
    const auto before = assemble_state(record_of(5), lock, lock).snapshot.version;
    const auto after = assemble_state(edited, lock, lock).snapshot.version;
    EXPECT_EQ(before.number, after.number);
    EXPECT_FALSE(before == after);
}

TEST(TempFiles, LeftoversOfTheDeadGoAndThoseOfTheLivingStay) {
    const TempFolder temp;
    auto folder = open_folder(temp.folder());
    ASSERT_TRUE(folder);
    const std::string name = temp.place().name;
    std::optional<TempFile> living;
    auto made = TempFile::create(folder->get(), name, "living", "text");
    ASSERT_TRUE(made) << made.error().detail;
    living.emplace(std::move(*made));
    put_file(temp.record() + ".dead.1-1.tmp", "text");
    put_file(temp.record() + ".dead.1-2.tmp", "");
    put_file(temp.folder() + "/other.lease.dead.1-1.tmp", "of another election");
    put_file(temp.record() + ".backup", "not ours");
    EXPECT_EQ(remove_leftovers(temp.folder(), name), 2);
    EXPECT_EQ(temp.count_temporary_files(), 2U);
    EXPECT_TRUE(std::filesystem::exists(temp.record() + ".backup"));
    living.reset();
    EXPECT_EQ(temp.count_temporary_files(), 1U);
}

TEST(TempFiles, BecomeAFileThatEveryoneMayRead) {
    const TempFolder temp;
    const auto folder = open_folder(temp.folder());
    const mode_t before = umask(077);
    auto made = TempFile::create(folder->get(), temp.place().name, "w", "text");
    umask(before);
    ASSERT_TRUE(made && made->become(temp.place().name));
    struct stat about {};
    ASSERT_EQ(stat(temp.record().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777U, 0644U);
    EXPECT_EQ(text_of_file(temp.record()), "text");
    EXPECT_EQ(temp.count_temporary_files(), 0U);
}

class GatedJob : public DiskJob {
public:
    explicit GatedJob(Gate& gate) : gate_(gate) {}
    std::optional<Duration> run() override {
        gate_.pass();
        done = true;
        return std::nullopt;
    }
    std::atomic<bool> done{false};

private:
    Gate& gate_;
};

TEST(DiskWorkerRules, AStuckJobHoldsUpNobodyAndTooManyAreRefused) {
    Gate closed, open;
    closed.close();
    std::vector<std::shared_ptr<GatedJob>> stuck;
    {
        DiskWorker worker(2);
        for (int i = 0; i < 2; ++i) {
            stuck.push_back(std::make_shared<GatedJob>(closed));
            ASSERT_TRUE(worker.post(stuck.back()));
            ASSERT_TRUE(wait_until([&] { return closed.waiting() == i + 1; }));
            const auto behind = std::make_shared<GatedJob>(open);
            ASSERT_TRUE(worker.post(behind));
            worker.unblock(i == 0 ? stuck.back() : behind);
            EXPECT_TRUE(i != 0 || wait_until([&] { return behind->done.load(); }));
        }
        EXPECT_FALSE(worker.post(std::make_shared<GatedJob>(open)));
        closed.open();
        for (const auto& job : stuck) EXPECT_TRUE(wait_until([&] { return job->done.load(); }));
        const auto after = std::make_shared<GatedJob>(open);
        EXPECT_TRUE(wait_until([&] { return worker.post(after); }));
        EXPECT_TRUE(wait_until([&] { return after->done.load(); }));
    }
    EXPECT_TRUE(wait_until([&] { return stuck[0].use_count() == 1 && stuck[1].use_count() == 1; }));
}

}  // namespace
}  // namespace leasehold::stores
