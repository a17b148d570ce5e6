// SPDX-License-Identifier: Apache-2.0
#include "bench/process_cost.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/harness/candidate.h"

namespace leasehold::bench {
namespace {

using harness::read_file;

constexpr double kKibPerMib = 1024;
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63U;
constexpr std::uint64_t kFrame = (std::uint64_t{1} << 55U) - 1;

struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

// What is mapped, but for the kernel's own pages, which every process has.
std::vector<Range> mapped_by(pid_t process) {
    std::vector<Range> ranges;
    std::istringstream lines(read_file(fmt::format("/proc/{}/maps", process)));
    for (std::string line; std::getline(lines, line);) {
        const bool reserved = line.find(" ---p ") != std::string::npos;  // addresses only, many of them
        if (reserved || line.find("[v") != std::string::npos) continue;  // [vdso], [vvar], [vsyscall]
        char* after = nullptr;
        const std::uint64_t begin = std::strtoull(line.c_str(), &after, 16);
        ranges.push_back({begin, std::strtoull(after + 1, nullptr, 16)});
    }
    return ranges;
}

// The numbers of the page frames that a process has in memory.
void add_frames(pid_t process, std::set<std::uint64_t>& frames) {
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const UniqueFd pagemap(open(fmt::format("/proc/{}/pagemap", process).c_str(), O_RDONLY | O_CLOEXEC));
    if (!pagemap) return;
    for (const Range& range : mapped_by(process)) {
        std::vector<std::uint64_t> entries((range.end - range.begin) / page);
        const std::size_t size = entries.size() * sizeof(entries[0]);
        const auto at = static_cast<off_t>(range.begin / page * sizeof(entries[0]));
        if (pread(pagemap.get(), entries.data(), size, at) <= 0) continue;  // unmapped meanwhile
        for (const std::uint64_t entry : entries) {
            if ((entry & kPresent) != 0 && (entry & kFrame) != 0) frames.insert(entry & kFrame);
        }
    }
}

}  // namespace

Memory memory_of(const std::vector<pid_t>& processes) {
    Memory memory;
    std::set<std::uint64_t> frames;
    for (const pid_t process : processes) {
        std::istringstream lines(read_file(fmt::format("/proc/{}/smaps_rollup", process)));
        for (std::string line; std::getline(lines, line);) {
            const auto digits = line.find_first_of("0123456789");
            if (digits == std::string::npos) continue;
            const double mib = std::atof(line.c_str() + digits) / kKibPerMib;
            if (line.rfind("Private_", 0) == 0) memory.private_mib += mib;
            if (line.rfind("Pss:", 0) == 0) memory.proportional_mib += mib;
        }
        add_frames(process, frames);
    }
    if (frames.empty()) return memory;
    const double page_kib = static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024;
    memory.proportional_mib = static_cast<double>(frames.size()) * page_kib / kKibPerMib;
    return memory;
}

std::chrono::nanoseconds cpu_of(const std::vector<pid_t>& processes) {
    std::int64_t sum = 0;
    for (const pid_t process : processes) {
        std::error_code gone;
        for (const auto& thread : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process), gone)) {
            sum += std::atoll(read_file(thread.path() / "schedstat").c_str());
        }
    }
    return std::chrono::nanoseconds(sum);
}

}  // namespace leasehold::bench
