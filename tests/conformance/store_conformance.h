// SPDX-License-Identifier: Apache-2.0
//
// What every store must do, as one suite. A store's test instantiates it with a Subject, which stands for one register
// that is absent at first and can be reached by several clients:
//
//   struct Subject {
//       std::unique_ptr<Store> open(EventLoop& loop);  // one more client
//       void remove();                                 // deletes the record behind the clients' back
//       void put(const std::string& text);             // replaces what stands there
//       void stall();                                  // from now on nothing answers ...
//       void lose_answers();                           // optional: ... but what is asked for is done ...
//       void drip();                                   // optional: ... or answers come a byte at a time ...
//       void resume();                                 // ... until now
//       static election::Record as_kept(election::Record);  // optional: what is left of it; times are for people
//       static std::string unavailable();  // optional: why it cannot be tested here; empty: it can
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(File, StoreConformance, FileSubject);
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "election/stores/store.h"
#include "tests/conformance/store_fixture.h"

namespace leasehold::stores {

template <class Subject>
class StoreConformance : public StoreFixture {
protected:
    void SetUp() override {
        if constexpr (requires { Subject::unavailable(); }) {
            if (const std::string why = Subject::unavailable(); !why.empty()) GTEST_SKIP() << why;
        }
        subject_ = std::make_unique<Subject>();
        store_ = subject_->open(*loop_);
    }

    election::Snapshot see(Store& store) {
        const auto outcome = read(store);
        EXPECT_EQ(outcome.status, election::ReadStatus::ok) << outcome.reason << ": " << outcome.detail;
        return outcome.snapshot;
    }

    static election::Record as_kept(const election::Record& record) {
        if constexpr (requires { Subject::as_kept(record); }) {
            return Subject::as_kept(record);
        } else {
            return record;
        }
    }

    // As far as the subject can be made to.
    void lose_answers() {
        if constexpr (requires { subject_->lose_answers(); }) {
            subject_->lose_answers();
        } else {
            subject_->stall();
        }
    }

    std::unique_ptr<Subject> subject_;
    std::unique_ptr<Store> store_;
};

TYPED_TEST_SUITE_P(StoreConformance);

TYPED_TEST_P(StoreConformance, IsAbsentAtFirst) {
    EXPECT_EQ(this->see(*this->store_).presence, election::Presence::absent);
}

TYPED_TEST_P(StoreConformance, KeepsEveryFieldOfARecord) {
    auto record = sample_record("host-a_1", 7);
    const auto version = this->must(this->write(*this->store_, creation(record)));
    const auto other = this->subject_->open(*this->loop_);
    auto found = this->see(*other);
    EXPECT_EQ(found.presence, election::Presence::present);
    EXPECT_EQ(found.record, this->as_kept(record));
    EXPECT_EQ(found.version, version);
    EXPECT_FALSE(found.never_written);
    EXPECT_FALSE(found.rolled_back);

    record.holder.clear();
    record.released = true;
    this->must(this->write(*this->store_, replacement(version, record)));
    found = this->see(*other);
    EXPECT_EQ(found.presence, election::Presence::present);
    EXPECT_EQ(found.record, this->as_kept(record));
}

TYPED_TEST_P(StoreConformance, TakesOddAndLongTexts) {
    std::vector<std::string> texts{"\"quotes\" and \\ and /",
                                   " blanks ",
                                   "</script>%00${HOME}",
                                   "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa2",
                                   "null",
                                   "{}",
                                   std::string(10'000, 'x')};
    auto version = this->must(this->write(*this->store_, creation(sample_record("a"))));
    for (const std::string& text : texts) {
        auto record = sample_record(text, 1'000'000'007);
        record.incarnation = text;
        record.write_id = text.substr(0, 1000);
        version = this->must(this->write(*this->store_, replacement(version, record)));
        const auto found = this->see(*this->store_);
        EXPECT_EQ(found.record, this->as_kept(record)) << text.substr(0, 100);
        EXPECT_EQ(found.version, version);
    }
}

TYPED_TEST_P(StoreConformance, AReadSeesEveryWriteBeforeIt) {
    const auto other = this->subject_->open(*this->loop_);
    auto version = this->must(this->write(*this->store_, creation(sample_record("a", 0))));
    for (std::uint64_t i = 1; i <= 50; ++i) {
        Store& writer = i % 2 == 0 ? *other : *this->store_;
        Store& reader = i % 2 == 0 ? *this->store_ : *other;
        version = this->must(this->write(writer, replacement(version, sample_record("a", i))));
        const auto found = this->see(reader);
        ASSERT_EQ(found.record.transitions, i);
        ASSERT_EQ(found.version, version);
    }
}

TYPED_TEST_P(StoreConformance, RefusesToCreateWhatIsThere) {
    const auto first = sample_record("first");
    this->must(this->write(*this->store_, creation(first)));
    const auto second = this->write(*this->store_, creation(sample_record("second")));
    EXPECT_EQ(second.status, election::WriteStatus::conflict);
    EXPECT_EQ(this->see(*this->store_).record, this->as_kept(first));
}

TYPED_TEST_P(StoreConformance, RefusesAnyVersionButTheLast) {
    std::vector<election::Version> versions{this->must(this->write(*this->store_, creation(sample_record("a", 1))))};
    for (std::uint64_t i = 2; i < 6; ++i) {
        const auto next = replacement(versions.back(), sample_record("a", i));
        versions.push_back(this->must(this->write(*this->store_, next)));
        EXPECT_GT(versions.back().number, versions[versions.size() - 2].number);
    }
    for (std::size_t i = 0; i + 1 < versions.size(); ++i) {
        const auto late = this->write(*this->store_, replacement(versions[i], sample_record("late")));
        EXPECT_EQ(late.status, election::WriteStatus::conflict);
    }
    EXPECT_EQ(this->see(*this->store_).record, this->as_kept(sample_record("a", 5)));
}

TYPED_TEST_P(StoreConformance, RefusesToReplaceWhatIsNotThere) {
    const auto version = this->must(this->write(*this->store_, creation(sample_record("a"))));
    this->subject_->remove();
    const auto late = this->write(*this->store_, replacement(version, sample_record("a", 2)));
    EXPECT_EQ(late.status, election::WriteStatus::conflict);
    EXPECT_EQ(this->see(*this->store_).presence, election::Presence::absent);
}

TYPED_TEST_P(StoreConformance, VersionsGrowOverDeletion) {
    std::uint64_t last = 0;
    for (int round = 0; round < 3; ++round) {
        const auto created = this->must(this->write(*this->store_, creation(sample_record("a", 1))));
        EXPECT_GT(created.number, last);
        last = this->must(this->write(*this->store_, replacement(created, sample_record("a", 2)))).number;
        this->subject_->remove();
        const auto found = this->see(*this->store_);
        EXPECT_EQ(found.presence, election::Presence::absent);
        EXPECT_FALSE(found.never_written);
    }
}

TYPED_TEST_P(StoreConformance, OneOfManyCreatorsWins) {
    constexpr int kCreators = 20;
    std::vector<std::unique_ptr<Store>> stores;
    std::vector<election::WriteOutcome> answers;
    for (int i = 0; i < kCreators; ++i) stores.push_back(this->subject_->open(*this->loop_));
    for (int i = 0; i < kCreators; ++i) {
        stores[static_cast<std::size_t>(i)]->write(
            creation(sample_record("creator-" + std::to_string(i))), this->kAmple,
            [&](election::WriteOutcome outcome) { answers.push_back(std::move(outcome)); });
    }
    ASSERT_TRUE(turn_until(*this->loop_, [&] { return answers.size() == kCreators; }));
    int applied = 0;
    for (const auto& answer : answers) {
        applied += answer.status == election::WriteStatus::applied ? 1 : 0;
        EXPECT_TRUE(answer.status == election::WriteStatus::applied ||
                    answer.status == election::WriteStatus::conflict);
    }
    EXPECT_EQ(applied, 1);
}

TYPED_TEST_P(StoreConformance, NoUpdateIsLost) {
    constexpr std::size_t kWriters = 4;
    constexpr std::uint64_t kEach = 10;
    struct Writer {
        std::unique_ptr<Store> store;
        std::uint64_t applied = 0;
    };
    this->must(this->write(*this->store_, creation(sample_record("count", 0))));
    std::vector<Writer> writers(kWriters);
    std::function<void(Writer&)> go_on = [&](Writer& writer) {
        if (writer.applied == kEach) return;
        writer.store->read(this->kAmple, [&](election::ReadOutcome seen) {
            ASSERT_EQ(seen.status, election::ReadStatus::ok);
            const auto next = sample_record("count", seen.snapshot.record.transitions + 1);
            writer.store->write(replacement(seen.snapshot.version, next), this->kAmple,
                                [&](election::WriteOutcome outcome) {
                                    writer.applied += outcome.status == election::WriteStatus::applied ? 1 : 0;
                                    go_on(writer);
                                });
        });
    };
    for (Writer& writer : writers) writer.store = this->subject_->open(*this->loop_);
    for (Writer& writer : writers) go_on(writer);
    const auto finished = [](const Writer& writer) { return writer.applied == kEach; };
    ASSERT_TRUE(turn_until(*this->loop_, [&] { return std::all_of(writers.begin(), writers.end(), finished); }));
    EXPECT_EQ(this->see(*this->store_).record.transitions, kWriters * kEach);
}

TYPED_TEST_P(StoreConformance, WhatCannotBeUnderstoodIsHeldAndCanBeReplacedByItsVersion) {
    this->must(this->write(*this->store_, creation(sample_record("a"))));
    this->subject_->put("{\"somebody\": \"else's\"}");
    const auto found = this->see(*this->store_);
    EXPECT_EQ(found.presence, election::Presence::unreadable);
    EXPECT_FALSE(found.problem.empty());
    EXPECT_EQ(this->write(*this->store_, creation(sample_record("b"))).status, election::WriteStatus::conflict);
    this->must(this->write(*this->store_, replacement(found.version, sample_record("a", 2))));
    EXPECT_EQ(this->see(*this->store_).record, this->as_kept(sample_record("a", 2)));
}

TYPED_TEST_P(StoreConformance, AWatchSeesTheLastStateOfEverySequence) {
    const auto other = this->subject_->open(*this->loop_);
    std::optional<election::Snapshot> seen;
    this->store_->watch({[&](election::Snapshot snapshot) { seen = std::move(snapshot); }, [](const std::string&) {}});
    for (int round = 0; round < 5; ++round) {
        auto version = this->must(this->write(*other, creation(sample_record("a", 1))));
        for (std::uint64_t i = 2; i < 5; ++i) {
            Store& writer = i % 2 == 0 ? *other : *this->store_;
            version = this->must(this->write(writer, replacement(version, sample_record("a", i))));
        }
        ASSERT_TRUE(turn_until(*this->loop_, [&] { return seen && seen->version == version; }));
        EXPECT_EQ(seen->record, this->as_kept(sample_record("a", 4)));
        this->subject_->remove();
        const auto gone = [&] { return seen && seen->presence == election::Presence::absent; };
        ASSERT_TRUE(turn_until(*this->loop_, gone));
    }
}

TYPED_TEST_P(StoreConformance, AnswersInTimeWhenNothingAnswers) {
    const Duration limit = std::chrono::milliseconds(100);
    const auto version = this->must(this->write(*this->store_, creation(sample_record("a", 1))));
    const Instant begin = now();
    this->subject_->stall();
    const auto written = this->write(*this->store_, replacement(version, sample_record("a", 2)), limit);
    EXPECT_EQ(written.status, election::WriteStatus::unknown);
    EXPECT_EQ(written.reason, "timeout");
    EXPECT_FALSE(written.detail.empty());
    const auto found = this->read(*this->store_, limit);
    EXPECT_EQ(found.status, election::ReadStatus::failed);
    EXPECT_EQ(found.reason, "timeout");
    EXPECT_FALSE(found.detail.empty());
    EXPECT_LT(elapsed_at_most(begin, now()), std::chrono::seconds(20)) << "two limits of 100 ms";
    this->subject_->resume();
    const auto after = this->see(*this->store_);
    this->must(this->write(*this->store_, replacement(after.version, sample_record("a", 3))));
    EXPECT_EQ(this->see(*this->store_).record, this->as_kept(sample_record("a", 3)));
}

TYPED_TEST_P(StoreConformance, AnswersInTimeWhenAnswersTrickle) {
    if constexpr (requires { this->subject_->drip(); }) {
        const auto version = this->must(this->write(*this->store_, creation(sample_record("a", 1))));
        const Instant begin = now();
        this->subject_->drip();
        const Duration limit = std::chrono::milliseconds(300);
        EXPECT_EQ(this->read(*this->store_, limit).status, election::ReadStatus::failed);
        const auto written = this->write(*this->store_, replacement(version, sample_record("a", 2)), limit);
        EXPECT_NE(written.status, election::WriteStatus::applied);
        EXPECT_NE(written.status, election::WriteStatus::conflict);
        EXPECT_LT(elapsed_at_most(begin, now()), std::chrono::seconds(20)) << "two limits of 300 ms";
        this->subject_->resume();
        this->see(*this->store_);
    }
}

// Whatever became of the write, it has become of it for good once a later one is applied.
TYPED_TEST_P(StoreConformance, AnUnknownOutcomeIsSettledByAReadAndAWrite) {
    for (std::uint64_t round = 0; round < 3; ++round) {
        const std::uint64_t base = 10 * round;
        const auto before = this->see(*this->store_);
        const auto first = sample_record("a", base + 1);
        const auto version = this->must(this->write(*this->store_, before.presence == election::Presence::absent
                                                                       ? creation(first)
                                                                       : replacement(before.version, first)));
        this->lose_answers();
        const auto lost = this->write(*this->store_, replacement(version, sample_record("a", base + 2)),
                                      std::chrono::milliseconds(200));
        EXPECT_EQ(lost.status, election::WriteStatus::unknown);
        this->subject_->resume();
        const auto settled = [&] {
            const auto found = this->see(*this->store_);
            EXPECT_TRUE(found.record.transitions == base + 1 || found.record.transitions == base + 2);
            EXPECT_EQ(found.version == version, found.record.transitions == base + 1);
            const auto outcome = this->write(*this->store_, replacement(found.version, sample_record("a", base + 3)));
            EXPECT_TRUE(outcome.status == election::WriteStatus::applied ||
                        outcome.status == election::WriteStatus::conflict);
            return outcome.status == election::WriteStatus::applied;
        };
        ASSERT_TRUE(turn_until(*this->loop_, settled));
        const auto other = this->subject_->open(*this->loop_);
        EXPECT_EQ(this->see(*other).record.transitions, base + 3);
    }
}

TYPED_TEST_P(StoreConformance, AWatchThatWasCutOffSeesWhatItMissed) {
    const auto version = this->must(this->write(*this->store_, creation(sample_record("a", 1))));
    std::optional<election::Snapshot> seen;
    bool broken = false;
    this->store_->watch(
        {[&](election::Snapshot snapshot) { seen = std::move(snapshot); }, [&](const std::string&) { broken = true; }});
    auto last = this->must(this->write(*this->store_, replacement(version, sample_record("a", 2))));
    ASSERT_TRUE(turn_until(*this->loop_, [&] { return seen && seen->version == last; }));
    this->subject_->stall();
    this->subject_->put("missed");
    this->subject_->resume();
    ASSERT_TRUE(turn_until(*this->loop_, [&] { return broken || seen->presence == election::Presence::unreadable; }));
    last = this->must(this->write(*this->store_, replacement(this->see(*this->store_).version, sample_record("a", 3))));
    ASSERT_TRUE(turn_until(*this->loop_, [&] { return seen->version == last; })) << "the watch has not gone on";
}

TYPED_TEST_P(StoreConformance, NoTimeLeftIsATimeout) {
    const auto written = this->write(*this->store_, creation(sample_record("a")), Duration(0));
    EXPECT_EQ(written.status, election::WriteStatus::unknown);
    EXPECT_EQ(this->read(*this->store_, Duration(-1)).status, election::ReadStatus::failed);
}

TYPED_TEST_P(StoreConformance, DestructionDropsWhatIsOutstanding) {
    this->subject_->stall();
    bool called = false;
    this->store_->watch(
        {[&](const election::Snapshot&) { called = true; }, [&](const std::string&) { called = true; }});
    this->store_->read(this->kAmple, [&](const election::ReadOutcome&) { called = true; });
    this->store_->write(creation(sample_record("a")), this->kAmple,
                        [&](const election::WriteOutcome&) { called = true; });
    this->store_.reset();
    this->subject_->resume();
    const auto other = this->subject_->open(*this->loop_);
    this->see(*other);
    EXPECT_FALSE(called);
}

TYPED_TEST_P(StoreConformance, MayBeDestroyedByItsOwnCallback) {
    bool called = false;
    this->store_->read(this->kAmple, [&](const election::ReadOutcome&) { called = true, this->store_.reset(); });
    ASSERT_TRUE(turn_until(*this->loop_, [&] { return called; }));
    called = false;
    this->store_ = this->subject_->open(*this->loop_);
    this->store_->watch(
        {[&](const election::Snapshot&) { called = true, this->store_.reset(); }, [](const std::string&) {}});
    const auto other = this->subject_->open(*this->loop_);
    this->must(this->write(*other, creation(sample_record("a"))));
    ASSERT_TRUE(turn_until(*this->loop_, [&] { return called; }));
}

REGISTER_TYPED_TEST_SUITE_P(StoreConformance, IsAbsentAtFirst, KeepsEveryFieldOfARecord, TakesOddAndLongTexts,
                            AReadSeesEveryWriteBeforeIt, RefusesToCreateWhatIsThere, RefusesAnyVersionButTheLast,
                            RefusesToReplaceWhatIsNotThere, VersionsGrowOverDeletion, OneOfManyCreatorsWins,
                            NoUpdateIsLost, WhatCannotBeUnderstoodIsHeldAndCanBeReplacedByItsVersion,
                            AWatchSeesTheLastStateOfEverySequence, AnswersInTimeWhenNothingAnswers,
                            AnswersInTimeWhenAnswersTrickle, AnUnknownOutcomeIsSettledByAReadAndAWrite,
                            AWatchThatWasCutOffSeesWhatItMissed, NoTimeLeftIsATimeout,
                            DestructionDropsWhatIsOutstanding, MayBeDestroyedByItsOwnCallback);

}  // namespace leasehold::stores
