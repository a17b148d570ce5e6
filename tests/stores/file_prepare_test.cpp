// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "election/stores/file_store.h"
#include "election/stores/presence_lock.h"
#include "election/stores/record_json.h"
#include "tests/conformance/store_conformance.h"
#include "tests/stores/support.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using std::chrono::seconds;

class FilePrepareTest : public ::testing::Test {
protected:
    Result<FileStorePrepared> prepare() { return prepare_file_store({temp_.record()}); }
    std::string refusal(const std::string& path) {
        const auto prepared = prepare_file_store({path});
        return prepared ? "" : prepared.error().message;
    }
    election::Snapshot see() {
        RegisterFile file(temp_.place(), "observer");
        return file.read().snapshot;
    }
    election::WriteOutcome create() {
        RegisterFile file(temp_.place(), "candidate");
        return write_now(file, creation(sample_record("a")));
    }
    void remove_both_files() {
        std::filesystem::remove(temp_.record());
        std::filesystem::remove(temp_.lock());
    }

    TempFolder temp_;
};

void expect_mentions(const std::string& message, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) EXPECT_NE(message.find(part), std::string::npos) << message << "\n" << part;
}

TEST_F(FilePrepareTest, TheVeryFirstStartNeedNotWait) {
    const auto prepared = prepare();
    ASSERT_TRUE(prepared) << prepared.error().message;
    EXPECT_TRUE(prepared->presence);
    EXPECT_TRUE(see().never_written);
    const auto second = prepare();
    ASSERT_TRUE(second);
    EXPECT_TRUE(see().never_written) << "the second finds the lock file of the first";
    struct stat about {};
    ASSERT_EQ(stat(temp_.lock().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777U, 0644U);
}

TEST_F(FilePrepareTest, FilesDeletedUnderALivingCandidateDoNotLookNeverWritten) {
    const auto living = prepare();
    ASSERT_TRUE(living);
    ASSERT_EQ(create().status, election::WriteStatus::applied);
    remove_both_files();
    ASSERT_TRUE(prepare());
    EXPECT_FALSE(see().never_written);
}

TEST_F(FilePrepareTest, NorDoesTheWholeFolderDeletedAndMadeAgain) {
    const auto living = prepare();
    ASSERT_TRUE(living);
    if (!living->mount_presence) GTEST_SKIP() << "the temporary folder is a mount point of its own";
    std::filesystem::remove_all(temp_.folder());
    std::filesystem::create_directory(temp_.folder());
    ASSERT_TRUE(prepare());
    EXPECT_FALSE(see().never_written);
}

TEST_F(FilePrepareTest, OnceNobodyIsAliveItIsAFirstStartAgain) {
    {
        const auto gone = prepare();
        ASSERT_TRUE(gone);
        ASSERT_EQ(create().status, election::WriteStatus::applied);
    }
    remove_both_files();
    ASSERT_TRUE(prepare());
    EXPECT_TRUE(see().never_written);
}

TEST_F(FilePrepareTest, PresenceIsInheritedAndEndsWithTheLastProcess) {
    std::optional<FileStorePrepared> parent;
    {
        auto prepared = prepare();
        ASSERT_TRUE(prepared);
        parent.emplace(std::move(*prepared));
    }
    ChildProcess heir([] { return pause(); });
    parent.reset();
    remove_both_files();
    ASSERT_TRUE(prepare());
    EXPECT_FALSE(see().never_written);
    heir.kill_and_wait();
    remove_both_files();
    ASSERT_TRUE(prepare());
    EXPECT_TRUE(see().never_written);
}

TEST_F(FilePrepareTest, AnotherElectionInTheSameFolderChangesNothing) {
    const auto other = prepare_file_store({temp_.folder() + "/other.lease"});
    ASSERT_TRUE(other);
    ASSERT_TRUE(prepare());
    EXPECT_TRUE(see().never_written);
}

TEST_F(FilePrepareTest, AFolderThatSomeoneElseLockedCostsAWaitNotAStart) {
    const auto folder = open_folder(temp_.folder());
    ASSERT_EQ(flock(folder->get(), LOCK_EX), 0);
    ASSERT_TRUE(prepare());
    EXPECT_FALSE(see().never_written);
}

TEST_F(FilePrepareTest, OfManyFirstStartsAtOnceNoneDisturbsTheOthers) {
    std::vector<std::unique_ptr<ChildProcess>> starts;
    for (int i = 0; i < 10; ++i) {
        starts.push_back(std::make_unique<ChildProcess>([&] { return prepare() && see().never_written ? 0 : 1; }));
    }
    for (const auto& start : starts) EXPECT_EQ(start->wait(), 0);
}

TEST_F(FilePrepareTest, TheLockIsNamedTheSameForEveryoneUntilItIsAnotherLock) {
    const auto first = prepare();
    const auto second = prepare();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->lock_id, second->lock_id);
    std::filesystem::create_directory_symlink(temp_.folder(), temp_.folder() + "/alias");
    const auto by_another_path = prepare_file_store({temp_.folder() + "/alias/test.lease"});
    ASSERT_TRUE(by_another_path) << by_another_path.error().message;
    EXPECT_EQ(first->lock_id, by_another_path->lock_id);
    const auto another = prepare_file_store({temp_.folder() + "/another.lease"});
    ASSERT_TRUE(another);
    EXPECT_NE(first->lock_id, another->lock_id);
    // The file system is free to use the inode of a deleted lock file for the next one, and likes to.
    std::set<std::string> ids{first->lock_id};
    for (int i = 0; i < 20; ++i) {
        const std::string record = fmt::format("{}/{}.lease", temp_.folder(), i);
        const auto next = prepare_file_store({record});
        ASSERT_TRUE(next);
        EXPECT_TRUE(ids.insert(next->lock_id).second) << next->lock_id;
        std::filesystem::remove(record + ".lock");
    }
    std::filesystem::remove(temp_.lock());
    const auto since = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - since < std::chrono::milliseconds(50)) {  // some ticks of the kernel's
    }
    const auto made_anew = prepare();
    ASSERT_TRUE(made_anew);
    EXPECT_NE(first->lock_id, made_anew->lock_id);
}

TEST_F(FilePrepareTest, AnExistingRecordIsFine) {
    ASSERT_EQ(create().status, election::WriteStatus::applied);
    EXPECT_TRUE(prepare());
    std::filesystem::remove(temp_.lock());
    ASSERT_TRUE(prepare());
    EXPECT_EQ(see().presence, Presence::present);
    std::filesystem::remove(temp_.record());
    EXPECT_FALSE(see().never_written) << "a lock file that came after the record is no witness";
}

TEST_F(FilePrepareTest, PathsThatCannotBe) {
    expect_mentions(refusal("billing.lease"), {"not absolute"});
    expect_mentions(refusal(""), {"not absolute"});
    expect_mentions(refusal(temp_.folder() + "/"), {"names a folder"});
    expect_mentions(refusal(temp_.folder() + "/.."), {"names a folder"});
    expect_mentions(refusal(temp_.folder() + "/a\nb"), {"line break"});
    expect_mentions(refusal(temp_.folder() + "/" + std::string(250, 'x')), {"too long"});
    expect_mentions(refusal(temp_.folder() + "/none/x.lease"),
                    {"does not exist", "mkdir -p " + temp_.folder() + "/none"});
    put_file(temp_.folder() + "/file", "");
    expect_mentions(refusal(temp_.folder() + "/file/x.lease"), {temp_.folder() + "/file"});
    expect_mentions(refusal("/proc/self/x.lease"), {"/proc/self"});
    EXPECT_FALSE(std::filesystem::exists(temp_.lock()));
}

TEST_F(FilePrepareTest, RecordsThatAreNone) {
    const std::string advice = "leasehold init";
    put_file(temp_.record(), "");
    expect_mentions(refusal(temp_.record()), {temp_.record(), "empty", advice});
    put_file(temp_.record(), "#!/bin/sh\n");
    expect_mentions(refusal(temp_.record()), {"not JSON", "#!/bin/sh", advice});
    put_file(temp_.record(), R"({"name": "x"})");
    expect_mentions(refusal(temp_.record()), {"holderIdentity is missing", advice});
    const std::string good = encode_record(sample_record("a"), JsonLayout::indented, 1);
    put_file(temp_.record(), good.substr(0, good.size() / 2));
    expect_mentions(refusal(temp_.record()), {"not JSON", advice});
    std::filesystem::remove(temp_.record());
    std::filesystem::create_directory(temp_.record());
    expect_mentions(refusal(temp_.record()), {"it is a folder"});
    std::filesystem::remove(temp_.record());
    ASSERT_EQ(mkfifo(temp_.record().c_str(), 0600), 0);
    expect_mentions(refusal(temp_.record()), {"it is a FIFO"});
    expect_mentions(refusal("/dev/null"), {"/dev"});
    EXPECT_FALSE(std::filesystem::exists(temp_.lock())) << "nothing is left behind";
}

TEST_F(FilePrepareTest, LockFilesThatAreNone) {
    put_file(temp_.lock(), "4711\n");
    expect_mentions(refusal(temp_.record()), {".lock", "4711", "move it away"});
    EXPECT_EQ(text_of_file(temp_.lock()), "4711\n");
    std::filesystem::remove(temp_.lock());
    std::filesystem::create_directory(temp_.lock());
    expect_mentions(refusal(temp_.record()), {".lock", "folder"});
}

TEST_F(FilePrepareTest, AnotherUserIsToldWhatIsMissing) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become someone else";
    constexpr uid_t kNobody = 65534;
    std::string folder_refused, lock_refused;
    ASSERT_TRUE(prepare());
    ASSERT_EQ(chmod(temp_.folder().c_str(), 0755), 0);
    ASSERT_EQ(seteuid(kNobody), 0);
    folder_refused = refusal(temp_.record());
    ASSERT_EQ(seteuid(0), 0);
    expect_mentions(folder_refused, {"65534", temp_.folder(), "right to read and write"});
    ASSERT_EQ(chmod(temp_.folder().c_str(), 0777), 0);
    ASSERT_EQ(seteuid(kNobody), 0);
    lock_refused = refusal(temp_.record());
    RegisterFile file(temp_.place(), "nobody");
    const auto written = write_now(file, creation(sample_record("a")));
    ASSERT_EQ(seteuid(0), 0);
    expect_mentions(lock_refused, {"65534", ".lock", "same user"});
    EXPECT_EQ(written.status, election::WriteStatus::failed);
    EXPECT_EQ(written.reason, "permission");
    expect_mentions(written.detail, {".lock", "right to write"});
}

TEST_F(FilePrepareTest, InitMakesAReleasedRecordOnce) {
    const auto made = init_file_store({temp_.record()}, seconds(15));
    ASSERT_TRUE(made) << made.error().message;
    const auto found = see();
    EXPECT_EQ(found.presence, Presence::present);
    EXPECT_TRUE(found.record.released);
    EXPECT_EQ(found.record.lease_duration, seconds(15));
    EXPECT_EQ(found.record.transitions, 0U);
    const auto again = init_file_store({temp_.record()}, seconds(20));
    ASSERT_TRUE(again);
    expect_mentions(*again, {"already", "free"});
    EXPECT_EQ(see(), found);

    RegisterFile file(temp_.place(), "candidate");
    ASSERT_EQ(write_now(file, replacement(found.version, sample_record("host_1"))).status,
              election::WriteStatus::applied);
    const auto held = init_file_store({temp_.record()}, seconds(20));
    ASSERT_TRUE(held);
    expect_mentions(*held, {"already", "held by host_1"});
}

TEST_F(FilePrepareTest, InitDoesNotFreeWhatALivingCandidateMayHold) {
    const auto living = prepare();
    ASSERT_TRUE(living);
    ASSERT_EQ(create().status, election::WriteStatus::applied);
    std::filesystem::remove(temp_.record());
    const auto refused = init_file_store({temp_.record()}, seconds(15));
    ASSERT_FALSE(refused);
    expect_mentions(refused.error().message, {"candidates are running"});
    EXPECT_EQ(see().presence, Presence::absent);
}

TEST_F(FilePrepareTest, InitMakesADeletedRecordAgainWhenNobodyIsAlive) {
    ASSERT_TRUE(prepare());
    ASSERT_EQ(create().version.number, 1U);
    std::filesystem::remove(temp_.record());
    ASSERT_TRUE(init_file_store({temp_.record()}, seconds(15)));
    EXPECT_TRUE(see().record.released);
    EXPECT_EQ(see().version.number, 2U);
}

TEST_F(FilePrepareTest, InitRefusesWhatItCannotUnderstand) {
    put_file(temp_.record(), "{}");
    ASSERT_FALSE(init_file_store({temp_.record()}, seconds(15)));
    EXPECT_EQ(text_of_file(temp_.record()), "{}");
}

}  // namespace
}  // namespace leasehold::stores
