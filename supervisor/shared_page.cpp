// SPDX-License-Identifier: Apache-2.0
#include "supervisor/shared_page.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sealed_memory.h"

namespace leasehold::supervisor {
namespace {

constexpr std::size_t kPageSize = 4096;
constexpr std::uint64_t kMagic = 0x6c65617365686f04;  // the last byte is the layout's version

using Field = std::atomic<std::uint64_t>;
using Nanoseconds = std::atomic<std::int64_t>;
static_assert(Field::is_always_lock_free && Nanoseconds::is_always_lock_free);

}  // namespace

struct SharedPage::Layout {
    struct Deadline {
        Nanoseconds boot, raw;

        Instant load() const { return {Duration(boot.load()), Duration(raw.load())}; }
        void store(Instant at) {
            boot.store(at.boot.count());
            raw.store(at.raw.count());
        }
    };

    Field magic;
    Field term, token, transitions;
    Deadline soft, hard;
    Field last_version;
    Field ended_through;
    Field populated;
    Field standby_populated;
    Field closed_through;
    Field agent_restarts;
    Field beats;
    Field supervisor_process;
};

Result<std::unique_ptr<SharedPage>> SharedPage::create() {
    auto fd = make_shared_memory("leasehold-page", kPageSize);
    if (!fd) return tl::unexpected<Error>(fd.error());
    auto page = map(std::move(*fd));
    if (page) (*page)->layout_->magic = kMagic;
    return page;
}

Result<std::unique_ptr<SharedPage>> SharedPage::open(int fd) {
    UniqueFd owned(fd);
    struct stat info {};
    if (fstat(fd, &info) != 0) return system_failure("the shared page (descriptor " + std::to_string(fd) + ")");
    if (info.st_size != static_cast<off_t>(kPageSize)) return failure("the shared page has an unexpected size");
    auto page = map(std::move(owned));
    if (page && (*page)->layout_->magic != kMagic) return failure("the shared page is of another version of leasehold");
    return page;
}

Result<std::unique_ptr<SharedPage>> SharedPage::map(UniqueFd fd) {
    void* const memory = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) return system_failure("mmap of the shared page");
    // A new page is all zeros, which is a valid Layout; an inherited one is in use and must not be constructed again.
    return std::unique_ptr<SharedPage>(new SharedPage(std::move(fd), static_cast<Layout*>(memory)));
}

SharedPage::~SharedPage() { munmap(layout_, kPageSize); }

void SharedPage::publish(const TermGrant& grant) {
    Layout& page = *layout_;
    if (page.term == grant.term) {
        page.soft.store(later_of(page.soft.load(), grant.soft));
        page.hard.store(later_of(page.hard.load(), grant.hard));
        return;
    }
    // The term's number comes last: who dies in between has published nothing, and no tree is alive meanwhile.
    page.token = grant.token;
    page.transitions = grant.transitions;
    page.soft.store(grant.soft);
    page.hard.store(grant.hard);
    page.term = grant.term;
}

TermGrant SharedPage::grant() const {
    const Layout& page = *layout_;
    return {page.term, page.token, page.transitions, page.soft.load(), page.hard.load()};
}

void SharedPage::publish_last_version(std::uint64_t version) { layout_->last_version = version; }
std::uint64_t SharedPage::last_version() const { return layout_->last_version; }

void SharedPage::end_through(Term term) { layout_->ended_through = term; }
Term SharedPage::ended_through() const { return layout_->ended_through; }

void SharedPage::set_populated(bool populated) { layout_->populated = populated ? 1 : 0; }
bool SharedPage::populated() const { return layout_->populated != 0; }

void SharedPage::set_standby_populated(bool populated) { layout_->standby_populated = populated ? 1 : 0; }
bool SharedPage::standby_populated() const { return layout_->standby_populated != 0; }

void SharedPage::close_through(Term term) {
    if (term > layout_->closed_through) layout_->closed_through = term;
}
Term SharedPage::closed_through() const { return layout_->closed_through; }

void SharedPage::beat() { ++layout_->beats; }
std::uint64_t SharedPage::beats() const { return layout_->beats; }

void SharedPage::set_agent_restarts(std::uint64_t count) { layout_->agent_restarts = count; }
std::uint64_t SharedPage::agent_restarts() const { return layout_->agent_restarts; }

void SharedPage::set_supervisor_process(pid_t process) {
    layout_->supervisor_process = static_cast<std::uint64_t>(process);
}
pid_t SharedPage::supervisor_process() const { return static_cast<pid_t>(layout_->supervisor_process.load()); }

}  // namespace leasehold::supervisor
