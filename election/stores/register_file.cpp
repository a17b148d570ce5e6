// SPDX-License-Identifier: Apache-2.0
#include "election/stores/register_file.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/log.h"
#include "election/stores/digest.h"
#include "election/stores/record_json.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::ReadOutcome;
using election::ReadStatus;
using election::Snapshot;
using election::Version;
using election::WriteOutcome;
using election::WriteStatus;

std::string tag_of(const std::string& write_id, std::string_view text) {
    return fmt::format("{}#{:016x}", write_id, digest(text));
}

WriteOutcome ended(WriteStatus status, const IoFailure& why) { return {status, {}, why.reason, why.detail}; }
WriteOutcome failed(const IoFailure& why) { return ended(WriteStatus::failed, why); }
WriteOutcome conflict() { return {WriteStatus::conflict, {}, {}, {}}; }
WriteOutcome timed_out() { return {WriteStatus::unknown, {}, "timeout", "given up before it was put in place"}; }

}  // namespace

FileState assemble_state(const FileText& record, const std::optional<LockState>& before,
                         const std::optional<LockState>& after) {
    FileState state;
    const LockState earlier = before.value_or(LockState());
    const LockState later = after.value_or(LockState());
    state.highest = std::max(later.committed, later.intent);
    Snapshot& snapshot = state.snapshot;
    if (!record.exists) {
        // Never 0 where it is known, so that nothing is created over another absence.
        snapshot.version.number = after ? state.highest + 1 : 0;
        // Said after the record was found missing: had one been written before, the intent would show.
        snapshot.never_written = later.proves_never_written();
        return state;
    }
    DecodedRecord decoded;
    if (record.problem.empty()) {
        decoded = decode_record(record.text);
    } else {
        decoded.problem = record.problem;
    }
    put_into(snapshot, decoded);
    snapshot.version.number = decoded.generation != 0 ? decoded.generation : later.committed;
    snapshot.version.tag = tag_of(snapshot.record.write_id, record.problem.empty() ? record.text : record.problem);
    // Said before the record was read: since then it can only have become newer.
    snapshot.rolled_back = decoded.generation != 0 && decoded.generation < earlier.committed;
    state.highest = std::max(state.highest, decoded.generation);
    return state;
}

IoResult<FileState> RegisterFile::state(int folder) {
    const auto before = peek_lock_state(folder, place_.lock_name);
    if (!before) return tl::unexpected<IoFailure>(before.error());
    const auto record = read_text(folder, place_.name, kRecordTextLimit);
    if (!record) return tl::unexpected<IoFailure>(record.error());
    const auto after = peek_lock_state(folder, place_.lock_name);
    if (!after) return tl::unexpected<IoFailure>(after.error());
    FileState found = assemble_state(*record, *before, *after);
    if (highest_seen_ != 0) found.snapshot.never_written = false;  // whatever was put beside us: we know better
    saw_generation(found.highest);
    return found;
}

void RegisterFile::saw_generation(std::uint64_t generation) {
    std::uint64_t seen = highest_seen_.load();
    while (seen < generation && !highest_seen_.compare_exchange_weak(seen, generation)) {
    }
}

ReadOutcome RegisterFile::read() {
    at(FileStep::reading);
    const auto fail = [](const IoFailure& why) { return ReadOutcome{ReadStatus::failed, {}, why.reason, why.detail}; };
    const auto folder = open_folder(place_.folder);
    if (!folder) return fail(folder.error());
    auto found = state(folder->get());
    if (!found) return fail(found.error());
    return ReadOutcome{ReadStatus::ok, std::move(found->snapshot), {}, {}};
}

FileWrite::FileWrite(RegisterFile& file, WriteRequest request, std::function<bool()> given_up)
    : file_(file), request_(std::move(request)), given_up_(std::move(given_up)) {}

bool FileWrite::matches(const Snapshot& found) const {
    if (request_.expect_absent) {
        // An absence with a number is that very one: not the one after somebody's record came and went.
        const std::uint64_t expected = request_.expected.number;
        return found.presence == Presence::absent && (expected == 0 || found.version.number == expected);
    }
    return found.presence != Presence::absent && found.version == request_.expected;
}

// Step 1. Nothing when all is well.
FileWrite::Outcome FileWrite::make_ready() {
    temp_.reset();
    auto folder = open_folder(file_.place_.folder);
    if (!folder) return failed(folder.error());
    folder_ = std::move(*folder);
    const auto found = file_.state(folder_.get());
    if (!found) return failed(found.error());
    if (!matches(found->snapshot)) return conflict();

    const std::uint64_t generation = std::max(found->highest, file_.highest_seen_.load()) + 1;
    if (generation > kHighestGeneration) {
        return failed({"generation", "the generation in the record or its lock file is as high as it can get"});
    }
    const std::string text = encode_record(request_.record, JsonLayout::indented, generation);
    if (text.size() > kRecordTextLimit) return failed({"too_large", "the record would be too large to be read again"});
    auto made = TempFile::create(folder_.get(), file_.place_.name, file_.writer_, text);
    if (!made) return failed(made.error());
    temp_.emplace(std::move(*made));
    next_ = Version{generation, tag_of(request_.record.write_id, text)};
    file_.at(FileStep::temp_written);
    return std::nullopt;
}

FileWrite::Outcome FileWrite::advance() {
    constexpr int kAttempts = 5;  // how often the generation that was prepared may turn out to be taken
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        if (given_up_()) return timed_out();
        if (!temp_) {
            if (auto ended_early = make_ready()) return ended_early;
        }
        auto lock = LockFile::try_lock(folder_.get(), file_.place_.lock_name);
        if (!lock) return failed(lock.error());
        if (!*lock) return std::nullopt;
        lock_.emplace(std::move(**lock));
        file_.at(FileStep::locked);
        auto outcome = commit();
        if (outcome && outcome->status == WriteStatus::applied) return outcome;
        lock_.reset();
        if (outcome) return outcome;
        temp_.reset();
    }
    return failed({"io", "the generations in the lock file keep changing; is something else writing to it?"});
}

// Step 2. Nothing when the record must be made ready anew, with a higher generation.
FileWrite::Outcome FileWrite::commit() {
    const auto known = lock_->read();
    if (!known) return failed(known.error());
    const auto record = read_text(folder_.get(), file_.place_.name, kRecordTextLimit);
    if (!record) return failed(record.error());
    const FileState found = assemble_state(*record, *known, *known);
    if (!matches(found.snapshot)) return conflict();
    if (next_.number <= std::max(found.highest, file_.highest_seen_.load())) return std::nullopt;

    LockState state = known->value_or(LockState());
    state.intent = next_.number;
    if (auto written = lock_->write(state); !written) return failed(written.error());
    file_.at(FileStep::intent_written);
    if (given_up_()) return timed_out();
    if (!lock_->still_in_place(folder_.get())) {
        return failed({"lock_file", "the lock file was deleted or replaced while it was held"});
    }
    if (!folder_still_at(file_.place_.folder, folder_.get())) {
        return failed({"no_folder", "folder " + file_.place_.folder + " was moved or replaced in the meantime"});
    }
    return put_in_place(state);
}

// Steps 3 to 5.
FileWrite::Outcome FileWrite::put_in_place(LockState state) {
    file_.at(FileStep::before_rename);
    if (auto renamed = temp_->become(file_.place_.name); !renamed) return failed(renamed.error());
    file_.at(FileStep::renamed);
    file_.saw_generation(next_.number);
    state.committed = next_.number;
    // Should this fail, the intent still says what is needed, and the next write repairs it.
    const auto committed = lock_->write(state);
    file_.at(FileStep::committed);
    lock_->unlock();
    file_.at(FileStep::unlocked);
    // It stands in the register now, but a power failure may still undo it: certain is neither.
    const auto synced = sync(folder_.get(), "folder " + file_.place_.folder);
    if (!synced) return ended(WriteStatus::unknown, synced.error());
    if (!committed) return ended(WriteStatus::unknown, committed.error());
    return WriteOutcome{WriteStatus::applied, next_, {}, {}};
}

void FileWrite::settle() {
    if (!lock_) return;
    if (const auto synced = lock_->sync(); !synced) log::warn("file store: {}", synced.error().detail);
}

}  // namespace leasehold::stores
