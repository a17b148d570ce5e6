// SPDX-License-Identifier: Apache-2.0
//
// A disk that is full, turns read-only, or has something mounted over it: on a small file system of its own, mounted
// where only this test sees it. Skipped where mounting is not permitted.
#include <sched.h>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "election/stores/file_store.h"
#include "tests/conformance/store_conformance.h"
#include "tests/stores/support.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::WriteStatus;
using std::chrono::milliseconds;

class FileMountTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            !mount_here("size=64k")) {
            GTEST_SKIP() << "mounting is not permitted here: " << strerror(errno);
        }
        mounted_ = true;
    }
    void TearDown() override {
        while (mounted_ && umount2(temp_.folder().c_str(), MNT_DETACH) == 0) {
        }
    }
    bool mount_here(const char* options, unsigned long flags = 0) {
        return mount("leasehold-test", temp_.folder().c_str(), "tmpfs", flags, options) == 0;
    }
    void fill_up() const {
        std::ofstream filler(temp_.folder() + "/filler", std::ios::binary);
        while (filler.put('x').flush()) {
        }
    }

    TempFolder temp_;
    bool mounted_ = false;
};

TEST_F(FileMountTest, AFullDiskLosesNothing) {
    RegisterFile file(temp_.place(), "me");
    const auto first = write_now(file, creation(sample_record("a", 1)));
    ASSERT_EQ(first.status, WriteStatus::applied) << first.detail;
    fill_up();
    for (int i = 0; i < 3; ++i) {
        const auto refused = write_now(file, replacement(first.version, sample_record("a", 2)));
        EXPECT_EQ(refused.status, WriteStatus::failed);
        EXPECT_EQ(refused.reason, "no_space");
        EXPECT_NE(refused.detail.find("free some space"), std::string::npos) << refused.detail;
    }
    EXPECT_EQ(file.read().snapshot.version, first.version);
    EXPECT_EQ(temp_.count_temporary_files(), 0U);
    std::filesystem::remove(temp_.folder() + "/filler");
    EXPECT_EQ(write_now(file, replacement(first.version, sample_record("a", 2))).status, WriteStatus::applied);
}

TEST_F(FileMountTest, AFullDiskIsRefusedAtTheStart) {
    fill_up();
    const auto prepared = prepare_file_store({temp_.record()});
    ASSERT_FALSE(prepared);
    EXPECT_NE(prepared.error().message.find("No space left"), std::string::npos) << prepared.error().message;
    EXPECT_FALSE(std::filesystem::exists(temp_.lock()));
}

TEST_F(FileMountTest, ADiskThatTurnsReadOnly) {
    RegisterFile file(temp_.place(), "me");
    const auto first = write_now(file, creation(sample_record("a", 1)));
    ASSERT_EQ(first.status, WriteStatus::applied) << first.detail;
    ASSERT_TRUE(mount_here("size=64k", MS_REMOUNT | MS_RDONLY)) << strerror(errno);
    const auto refused = write_now(file, replacement(first.version, sample_record("a", 2)));
    EXPECT_EQ(refused.status, WriteStatus::failed);
    EXPECT_EQ(refused.reason, "read_only");
    EXPECT_EQ(file.read().snapshot.version, first.version);
    const auto prepared = prepare_file_store({temp_.record()});
    ASSERT_FALSE(prepared);
    EXPECT_NE(prepared.error().message.find("mount it writable"), std::string::npos) << prepared.error().message;
}

TEST_F(FileMountTest, SomethingMountedOverTheFolderIsNoticedWithoutAnyEvent) {
    auto loop = EventLoop::create();
    ASSERT_TRUE(loop);
    auto file = std::make_shared<RegisterFile>(temp_.place(), "me");
    auto store =
        FileStore::open(**loop, std::move(file), {milliseconds(20), milliseconds(20), std::chrono::seconds(50)});
    ASSERT_TRUE(store);
    std::optional<election::Snapshot> seen;
    (*store)->watch({[&](election::Snapshot snapshot) { seen = std::move(snapshot); }, [](const std::string&) {}});
    RegisterFile other(temp_.place(), "other");
    ASSERT_EQ(write_now(other, creation(sample_record("a", 1))).status, WriteStatus::applied);
    ASSERT_TRUE(turn_until(**loop, [&] { return seen && seen->presence == Presence::present; }));
    ASSERT_TRUE(mount_here("size=64k"));
    ASSERT_TRUE(turn_until(**loop, [&] { return seen->presence == Presence::absent; }));
    EXPECT_FALSE(seen->never_written);
    ASSERT_EQ(write_now(other, creation(sample_record("b", 2))).status, WriteStatus::applied);
    ASSERT_TRUE(turn_until(**loop, [&] { return seen->presence == Presence::present; }));
    EXPECT_EQ(seen->record.holder, "b");
}

TEST(FileLimits, NoDescriptorLeftIsAFailureThatPasses) {
    const TempFolder temp;
    RegisterFile file(temp.place(), "me");
    const auto first = write_now(file, creation(sample_record("a", 1)));
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit none = before;
    none.rlim_cur = 1;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto read = file.read();
    const auto written = write_now(file, replacement(first.version, sample_record("a", 2)));
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(read.reason, "too_many_files");
    EXPECT_EQ(written.status, WriteStatus::failed);
    EXPECT_EQ(written.reason, "too_many_files");
    EXPECT_EQ(write_now(file, replacement(first.version, sample_record("a", 2))).status, WriteStatus::applied);
}

}  // namespace
}  // namespace leasehold::stores
