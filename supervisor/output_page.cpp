// SPDX-License-Identifier: Apache-2.0
#include "supervisor/output_page.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>

#include <sys/mman.h>
#include <sys/stat.h>

#include "base/sealed_memory.h"

namespace leasehold::supervisor {
namespace {

constexpr std::uint64_t kMagic = 0x6c65617365686f81;  // the last byte is the layout's version

using Word = std::atomic<std::uint64_t>;
static_assert(Word::is_always_lock_free);

constexpr std::size_t index_of(OutputStream stream) { return static_cast<std::size_t>(stream); }

}  // namespace

const char* name_of(OutputStream stream) { return stream == OutputStream::output ? "stdout" : "stderr"; }

// A sequence lock: `number` is that of the line, from 1, and 0 while it is being written. Every word of
// the text is stored and loaded in order, for who sees a newer word is to see the newer number too (Boehm, "Can
// seqlocks get along with programming language memory models?", 2012); fences are more than a thread sanitizer
// understands.
struct OutputPage::Slot {
    static constexpr std::size_t kWords = kLongestKept / sizeof(Word);

    Word number;
    Word size;
    std::array<Word, kWords> text;

    void write(std::uint64_t its_number, std::string_view line) {
        number.store(0, std::memory_order_relaxed);
        line = line.substr(0, kLongestKept);
        size.store(line.size(), std::memory_order_release);
        for (std::size_t at = 0; at < line.size(); at += sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            std::memcpy(&word, line.data() + at, std::min(sizeof word, line.size() - at));
            text[at / sizeof word].store(word, std::memory_order_release);
        }
        number.store(its_number, std::memory_order_release);
    }

    // Nothing when it is another line's by now, or its writer died.
    std::optional<std::string> read(std::uint64_t its_number) const {
        if (number.load(std::memory_order_acquire) != its_number) return std::nullopt;
        std::string line(std::min<std::uint64_t>(size.load(std::memory_order_acquire), kLongestKept), '\0');
        for (std::size_t at = 0; at < line.size(); at += sizeof(std::uint64_t)) {
            const std::uint64_t word = text[at / sizeof word].load(std::memory_order_acquire);
            std::memcpy(line.data() + at, &word, std::min(sizeof word, line.size() - at));
        }
        if (number.load(std::memory_order_relaxed) != its_number) return std::nullopt;
        return line;
    }
};

struct OutputPage::Layout {
    struct Stream {
        Word lines, bytes, dropped_lines, within_line;
    };

    Word magic;
    Word slots;                    // for the lines of the workload that runs; as many again for those of the last one
    Word kept;                     // lines, ever
    Word ended_first, ended_last;  // the lines of the last one that are there still
    std::array<Stream, kOutputStreams.size()> streams;
    // The slots follow.

    static std::size_t size_with(std::uint64_t slots) { return sizeof(Layout) + 2 * slots * sizeof(Slot); }
};

Result<std::unique_ptr<OutputPage>> OutputPage::create(int keep_last) {
    const auto slots = static_cast<std::size_t>(std::max(keep_last, 0));
    const std::size_t size = Layout::size_with(slots);
    auto fd = make_shared_memory("leasehold-output", size);
    if (!fd) return tl::unexpected<Error>(fd.error());
    auto page = map(std::move(*fd), size);
    if (!page) return page;
    (*page)->layout_->slots = slots;
    (*page)->layout_->magic = kMagic;
    return page;
}

Result<std::unique_ptr<OutputPage>> OutputPage::open(int fd) {
    UniqueFd owned(fd);
    struct stat info {};
    if (fstat(fd, &info) != 0) return system_failure("the output's page (descriptor " + std::to_string(fd) + ")");
    const auto size = static_cast<std::size_t>(info.st_size);
    if (size < sizeof(Layout)) return failure("the output's page has an unexpected size");
    auto page = map(std::move(owned), size);
    if (!page) return page;
    const Layout& layout = *(*page)->layout_;
    if (layout.magic != kMagic || size != Layout::size_with(layout.slots)) {
        return failure("the output's page is of another version of leasehold");
    }
    return page;
}

Result<std::unique_ptr<OutputPage>> OutputPage::map(UniqueFd fd, std::size_t size) {
    void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) return system_failure("mmap of the output's page");
    // A new one is all zeros, which is a valid layout; an inherited one is in use.
    return std::unique_ptr<OutputPage>(new OutputPage(std::move(fd), static_cast<Layout*>(memory), size));
}

OutputPage::~OutputPage() { munmap(layout_, size_); }

OutputPage::Slot& OutputPage::running(std::uint64_t number) const {
    return reinterpret_cast<Slot*>(layout_ + 1)[number % layout_->slots];
}

OutputPage::Slot& OutputPage::ended(std::uint64_t number) const { return *(&running(number) + layout_->slots); }

void OutputPage::count(OutputStream stream, const OutputCounts& more) {
    Layout::Stream& counters = layout_->streams[index_of(stream)];
    counters.lines.fetch_add(more.lines, std::memory_order_relaxed);
    counters.bytes.fetch_add(more.bytes, std::memory_order_relaxed);
    counters.dropped_lines.fetch_add(more.dropped_lines, std::memory_order_relaxed);
}

OutputCounts OutputPage::counts(OutputStream stream) const {
    const Layout::Stream& counters = layout_->streams[index_of(stream)];
    return {counters.lines, counters.bytes, counters.dropped_lines};
}

void OutputPage::keep(std::string_view line) {
    if (layout_->slots == 0) return;
    const std::uint64_t number = layout_->kept.load(std::memory_order_relaxed) + 1;
    running(number).write(number, line);
    layout_->kept.store(number, std::memory_order_release);
}

// Copied, so that no successor overwrites them.
void OutputPage::workload_ended() {
    const std::uint64_t newest = layout_->kept;
    const std::uint64_t kept = std::min<std::uint64_t>(newest - layout_->ended_last, layout_->slots);
    const std::uint64_t first = newest - kept + 1;
    for (std::uint64_t number = first; number <= newest; ++number) {
        if (const auto line = running(number).read(number)) ended(number).write(number, *line);
    }
    layout_->ended_first = first;
    layout_->ended_last = newest;
}

std::vector<std::string> OutputPage::last_lines() const {
    const std::uint64_t newest = layout_->ended_last;
    std::vector<std::string> lines;
    for (std::uint64_t number = layout_->ended_first; number != 0 && number <= newest; ++number) {
        if (auto line = ended(number).read(number)) lines.push_back(std::move(*line));
    }
    return lines;
}

void OutputPage::set_within_line(OutputStream target, bool within) {
    layout_->streams[index_of(target)].within_line.store(within ? 1 : 0, std::memory_order_relaxed);
}

bool OutputPage::within_line(OutputStream target) const {
    return layout_->streams[index_of(target)].within_line.load(std::memory_order_relaxed) != 0;
}

}  // namespace leasehold::supervisor
