// SPDX-License-Identifier: Apache-2.0
#include "metrics/process.h"

#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <string>

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

namespace leasehold::metrics {
namespace {

// The fields of /proc/PID/stat that are needed (proc(5) numbers them from 1).
struct Stat {
    double cpu_ticks = 0;
    double start_ticks = 0;
    double virtual_bytes = 0;
    double resident_pages = 0;
};

std::optional<Stat> read_stat(const std::string& folder) {
    std::ifstream file(folder + "/stat");
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    // The process name, in parentheses, may itself contain blanks and parentheses.
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream fields(line.substr(name_end + 1));
    Stat stat;
    std::string text;
    for (int number = 3; number <= 24; ++number) {
        if (!(fields >> text)) return std::nullopt;
        if (number == 14 || number == 15) stat.cpu_ticks += std::strtod(text.c_str(), nullptr);
        if (number == 22) stat.start_ticks = std::strtod(text.c_str(), nullptr);
        if (number == 23) stat.virtual_bytes = std::strtod(text.c_str(), nullptr);
        if (number == 24) stat.resident_pages = std::strtod(text.c_str(), nullptr);
    }
    return stat;
}

// When the machine was started, in seconds since the epoch. Changes with the wall clock, so it is read once.
double boot_unix_seconds() {
    static const double boot = [] {
        std::ifstream file("/proc/stat");
        std::string line;
        while (std::getline(file, line)) {
            if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
        }
        return 0.0;
    }();
    return boot;
}

std::optional<double> count_open_fds(const std::string& process_folder, bool own) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir((process_folder + "/fd").c_str()), &closedir);
    if (!folder) return std::nullopt;
    double count = own ? -1 : 0;  // the folder's own descriptor
    while (const dirent* entry = readdir(folder.get())) {
        if (entry->d_name[0] != '.') ++count;
    }
    return count;
}

double fd_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return std::numeric_limits<double>::infinity();
    }
    return static_cast<double>(limit.rlim_cur);
}

}  // namespace

std::optional<ProcessSample> sample_process(pid_t process) {
    const bool own = process == 0;
    const std::string folder = "/proc/" + (own ? "self" : std::to_string(process));
    const auto stat = read_stat(folder);
    if (!stat) return std::nullopt;
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    ProcessSample sample;
    sample.cpu_seconds = stat->cpu_ticks / ticks;
    sample.resident_bytes = stat->resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
    sample.virtual_bytes = stat->virtual_bytes;
    sample.open_fds = count_open_fds(folder, own);
    if (own) sample.max_fds = fd_limit();
    sample.start_unix_seconds = boot_unix_seconds() + stat->start_ticks / ticks;
    return sample;
}

}  // namespace leasehold::metrics
