// SPDX-License-Identifier: Apache-2.0
//
// The file store on an event loop, where it differs from other stores: locks that others hold, a disk that hangs,
// folders that come and go.
#include "election/stores/file_store.h"

#include <gtest/gtest.h>

#include "election/stores/record_json.h"
#include "tests/conformance/store_conformance.h"
#include "tests/stores/support.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::ReadOutcome;
using election::ReadStatus;
using election::Snapshot;
using election::WriteOutcome;
using election::WriteStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kAmple = seconds(50);
constexpr Duration kShort = milliseconds(60);

class FileStoreTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto made = EventLoop::create();
        ASSERT_TRUE(made) << made.error().message;
        loop_ = std::move(*made);
        store_ = open(milliseconds(50));
    }
    void TearDown() override { gate_->open(); }

    std::unique_ptr<Store> open(Duration reread) {
        const auto hook = [gate = gate_](FileStep) { gate->pass(); };
        auto file = std::make_shared<RegisterFile>(temp_.place(), "me", hook);
        auto store = FileStore::open(*loop_, std::move(file), {reread, milliseconds(20), kAmple});
        EXPECT_TRUE(store) << store.error().message;
        return std::move(*store);
    }

    ReadOutcome read(Duration timeout = kAmple) {
        std::optional<ReadOutcome> answer;
        store_->read(timeout, [&](ReadOutcome outcome) { answer = std::move(outcome); });
        EXPECT_TRUE(turn_until(*loop_, [&] { return answer.has_value(); }));
        return answer.value_or(ReadOutcome{});
    }
    WriteOutcome write(const WriteRequest& request, Duration timeout = kAmple) {
        std::optional<WriteOutcome> answer;
        store_->write(request, timeout, [&](WriteOutcome outcome) { answer = std::move(outcome); });
        EXPECT_TRUE(turn_until(*loop_, [&] { return answer.has_value(); }));
        return answer.value_or(WriteOutcome{});
    }
    void watch() {
        store_->watch({[&](Snapshot snapshot) { seen_.push_back(std::move(snapshot)); },
                       [&](std::string reason) { broken_.push_back(std::move(reason)); }});
    }
    bool sees(Presence presence) {
        return turn_until(*loop_, [&] { return !seen_.empty() && seen_.back().presence == presence; });
    }

    TempFolder temp_;
    const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<Store> store_;
    std::vector<Snapshot> seen_;
    std::vector<std::string> broken_;
};

TEST_F(FileStoreTest, SaysWhichFileItIs) { EXPECT_EQ(store_->describe(), "file " + temp_.record()); }

TEST_F(FileStoreTest, IsOpenedByItsOptions) {
    EXPECT_FALSE(open_file_store(*loop_, FileOptions{"relative"}, "me"));
    const auto opened = open_file_store(*loop_, FileOptions{temp_.record()}, "me");
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->describe(), "file " + temp_.record());
}

TEST_F(FileStoreTest, AProcessThatHoldsTheLockCostsTimeNotTheLoop) {
    const auto version = write(creation(sample_record("a", 1))).version;
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    ChildProcess holder([&] {
        const auto folder = open_folder(temp_.folder());
        const auto lock = LockFile::try_lock(folder->get(), temp_.place().lock_name);
        if (!lock || !*lock || ::write(ready[1], "x", 1) != 1) return 1;
        pause();
        return 0;
    });
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);

    const auto blocked = write(replacement(version, sample_record("a", 2)), kShort);
    EXPECT_EQ(blocked.status, WriteStatus::unknown);
    EXPECT_EQ(blocked.reason, "timeout");
    // Reading needs no lock, also while a write is waiting for it.
    std::optional<WriteOutcome> waiting;
    store_->write(replacement(version, sample_record("a", 3)), kAmple, [&](WriteOutcome done) { waiting = done; });
    EXPECT_EQ(read().snapshot.version, version);
    EXPECT_FALSE(waiting);
    holder.kill_and_wait();
    ASSERT_TRUE(turn_until(*loop_, [&] { return waiting.has_value(); }));
    EXPECT_EQ(waiting->status, WriteStatus::applied);
    EXPECT_EQ(read().snapshot.record.transitions, 3U);
    EXPECT_EQ(temp_.count_temporary_files(), 0U);
}

TEST_F(FileStoreTest, AWriteThatWasGivenUpIsNotAppliedWhenTheDiskWakesUp) {
    const auto version = write(creation(sample_record("a", 1))).version;
    gate_->close();
    EXPECT_EQ(write(replacement(version, sample_record("late", 2)), kShort).status, WriteStatus::unknown);
    gate_->open();
    ASSERT_TRUE(turn_until(*loop_, [&] { return gate_->waiting() == 0; }));
    ASSERT_TRUE(turn_until(*loop_, [&] { return temp_.count_temporary_files() == 0; }));
    EXPECT_EQ(read().snapshot.version, version);
}

TEST_F(FileStoreTest, ADiskThatStaysStuckIsRefusedMoreAndComesBack) {
    gate_->close();
    int attempts = 0;
    ReadOutcome outcome;
    do {
        outcome = read(kShort);
        EXPECT_EQ(outcome.status, ReadStatus::failed);
    } while (outcome.reason == "timeout" && ++attempts < 20);
    EXPECT_EQ(outcome.reason, "io_stalled");
    EXPECT_LE(attempts, 5);
    EXPECT_EQ(write(creation(sample_record("a"))).reason, "io_stalled");
    EXPECT_EQ(write(creation(sample_record("a"))).status, WriteStatus::failed);
    gate_->open();
    ASSERT_TRUE(turn_until(*loop_, [&] { return read().status == ReadStatus::ok; }));
    EXPECT_EQ(write(creation(sample_record("a"))).status, WriteStatus::applied);
}

TEST_F(FileStoreTest, LeftoversOfDeadWritersGoAtTheStart) {
    put_file(temp_.record() + ".dead.1-1.tmp", "half a reco");
    store_ = open(seconds(5));
    EXPECT_TRUE(turn_until(*loop_, [&] { return temp_.count_temporary_files() == 0; }));
}

TEST_F(FileStoreTest, TheWatchSeesEditsRenamesAndDeletions) {
    store_ = open(seconds(100));  // inotify alone
    watch();
    ASSERT_TRUE(sees(Presence::absent));
    write(creation(sample_record("a")));
    ASSERT_TRUE(sees(Presence::present));
    const std::string text = text_of_file(temp_.record());
    put_file(temp_.record(), "garbage");
    ASSERT_TRUE(sees(Presence::unreadable));
    put_file(temp_.record(), "");
    ASSERT_TRUE(sees(Presence::vacated));
    std::filesystem::remove(temp_.record());
    ASSERT_TRUE(sees(Presence::absent));
    put_file(temp_.folder() + "/backup", text);
    std::filesystem::rename(temp_.folder() + "/backup", temp_.record());
    ASSERT_TRUE(sees(Presence::present));
    std::filesystem::rename(temp_.record(), temp_.folder() + "/elsewhere");
    ASSERT_TRUE(sees(Presence::absent));
    EXPECT_TRUE(broken_.empty());
}

TEST_F(FileStoreTest, TheWatchIsSilentWhileNothingChanges) {
    write(creation(sample_record("a")));
    watch();
    ASSERT_TRUE(sees(Presence::present));
    put_file(temp_.folder() + "/unrelated", "x");
    // Several rounds of reading it again, seen by another store that reads at the same pace.
    for (int i = 0; i < 5; ++i) read();
    EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(FileStoreTest, TheWatchOutlivesTheFolder) {
    write(creation(sample_record("a", 1)));
    const std::string text = text_of_file(temp_.record());
    watch();
    ASSERT_TRUE(sees(Presence::present));
    for (int round = 1; round <= 3; ++round) {
        std::filesystem::remove_all(temp_.folder());
        ASSERT_TRUE(turn_until(*loop_, [&] { return broken_.size() == static_cast<std::size_t>(round); }));
        EXPECT_EQ(read().reason, "no_folder");
        std::filesystem::create_directory(temp_.folder());
        ASSERT_TRUE(sees(Presence::absent));
        put_file(temp_.record(), text);
        ASSERT_TRUE(sees(Presence::present));
    }
}

TEST_F(FileStoreTest, TheWatchFollowsThePathNotTheFolder) {
    write(creation(sample_record("a", 1)));
    watch();
    ASSERT_TRUE(sees(Presence::present));
    const std::string moved = temp_.folder() + "-moved";
    std::filesystem::rename(temp_.folder(), moved);
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); }));
    std::filesystem::create_directory(temp_.folder());
    ASSERT_TRUE(sees(Presence::absent));
    write(creation(sample_record("b", 2)));
    ASSERT_TRUE(sees(Presence::present));
    EXPECT_EQ(seen_.back().record.holder, "b");
    std::filesystem::remove_all(moved);
}

TEST_F(FileStoreTest, AHungDiskBreaksTheWatchOnceAndItComesBack) {
    auto file = std::make_shared<RegisterFile>(temp_.place(), "me", [gate = gate_](FileStep) { gate->pass(); });
    auto store = FileStore::open(*loop_, std::move(file), {milliseconds(20), milliseconds(20), kShort});
    ASSERT_TRUE(store);
    store_ = std::move(*store);
    gate_->close();
    watch();
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); }));
    EXPECT_NE(broken_.front().find("timeout"), std::string::npos) << broken_.front();
    gate_->open();
    ASSERT_TRUE(sees(Presence::absent));
    EXPECT_EQ(broken_.size(), 1U);
}

TEST_F(FileStoreTest, MayBeDestroyedWhenTheWatchBreaks) {
    store_->watch({[](const Snapshot&) {},
                   [&](std::string reason) {
                       broken_.push_back(std::move(reason));
                       store_.reset();
                   }});
    ASSERT_EQ(read().status, ReadStatus::ok);
    std::filesystem::remove_all(temp_.folder());
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); }));
    EXPECT_FALSE(store_);
}

}  // namespace
}  // namespace leasehold::stores
