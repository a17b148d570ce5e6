// SPDX-License-Identifier: Apache-2.0
#include "app/workload_process.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/whole_number.h"
#include "config/forms.h"
#include "config/limit_names.h"
#include "config/load_file.h"
#include "config/text.h"

namespace leasehold::app {
namespace {

using supervisor::Credentials;
using supervisor::ProcessOptions;
using supervisor::WorkloadOptions;

constexpr const char* kAutomatic = "auto";

struct User {
    uid_t number = 0;
    std::optional<gid_t> group;  // these are of users that the machine knows
    std::string name, home, shell;
};

std::optional<unsigned int> number_in(const std::string& text) {
    const auto number = whole_number<unsigned int>(text);
    // The highest one means "leave it as it is" to the kernel.
    return number == std::numeric_limits<unsigned int>::max() ? std::nullopt : number;
}

// Calls getpwnam_r(3) and the like with a buffer that is large enough. Nothing when there is no such entry.
template <class Entry, class Call>
Result<std::optional<Entry>> entry_of(std::vector<char>& buffer, Call call) {
    Entry entry{};
    Entry* found = nullptr;
    int problem = ERANGE;
    for (buffer.resize(1024); problem == ERANGE && buffer.size() < (1U << 24U); buffer.resize(buffer.size() * 2)) {
        problem = call(&entry, buffer.data(), buffer.size(), &found);
        if (problem != ERANGE) break;
    }
    const bool unknown = problem == 0 || problem == ENOENT || problem == ESRCH || problem == EBADF || problem == EPERM;
    if (found != nullptr) return std::optional<Entry>(entry);
    if (unknown) return std::optional<Entry>();  // getpwnam(3) lists what means that
    return system_failure("the database of users cannot be asked", problem);
}

Result<User> find_user(const std::string& text) {
    std::vector<char> buffer;
    const auto number = number_in(text);
    const auto entry = entry_of<passwd>(buffer, [&](passwd* into, char* space, std::size_t size, passwd** found) {
        return number ? getpwuid_r(*number, into, space, size, found)
                      : getpwnam_r(text.c_str(), into, space, size, found);
    });
    if (!entry) return tl::unexpected<Error>(entry.error());
    if (const auto& known = *entry) {
        return User{known->pw_uid, known->pw_gid, known->pw_name, known->pw_dir, known->pw_shell};
    }
    if (number) return User{*number, std::nullopt, {}, {}, {}};
    return failure(fmt::format("workload.user: this machine has no user '{}'; write another, or a number", text));
}

Result<gid_t> find_group(const std::string& text, const char* key) {
    std::vector<char> buffer;
    const auto number = number_in(text);
    if (number) return gid_t{*number};
    const auto entry = entry_of<group>(buffer, [&](group* into, char* space, std::size_t size, group** found) {
        return getgrnam_r(text.c_str(), into, space, size, found);
    });
    if (!entry) return tl::unexpected<Error>(entry.error());
    if (*entry) return (*entry)->gr_gid;
    return failure(fmt::format("{}: this machine has no group '{}'; write another, or a number", key, text));
}

std::vector<gid_t> own_groups() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
    const int count = getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    return groups;
}

// That the machine knows for a user, without the first one.
std::vector<gid_t> groups_of(const User& user, gid_t first) {
    if (user.name.empty()) return {};
    std::vector<gid_t> groups(64);
    for (int count = static_cast<int>(groups.size());; count = static_cast<int>(groups.size())) {
        const bool all = getgrouplist(user.name.c_str(), first, groups.data(), &count) >= 0;
        groups.resize(static_cast<std::size_t>(std::max(count, 0)));
        if (all || groups.size() > std::numeric_limits<unsigned short>::max()) break;
    }
    std::erase(groups, first);
    return groups;
}

std::vector<gid_t> in_order(std::vector<gid_t> groups) {
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
}

Result<std::vector<gid_t>> supplementary(const ProcessOptions& options, const std::optional<User>& user, gid_t first) {
    std::vector<gid_t> groups;
    for (const std::string& name : options.supplementary_groups) {
        if (name == kAutomatic) {
            const auto usual = user ? groups_of(*user, first) : own_groups();
            groups.insert(groups.end(), usual.begin(), usual.end());
            continue;
        }
        const auto found = find_group(name, "workload.supplementary_groups");
        if (!found) return tl::unexpected<Error>(found.error());
        groups.push_back(*found);
    }
    return in_order(std::move(groups));
}

// Nothing when the workload is to be what leasehold is: then no rights are needed.
Result<std::optional<Credentials>> credentials_of(const ProcessOptions& options, const std::optional<User>& user) {
    Credentials wanted{user ? user->number : geteuid(), getegid(), {}};
    if (!options.group.empty()) {
        const auto found = find_group(options.group, "workload.group");
        if (!found) return tl::unexpected<Error>(found.error());
        wanted.group = *found;
    } else if (user && user->group) {
        wanted.group = *user->group;
    } else if (user) {
        return failure(
            fmt::format("workload.user: this machine knows no user {}, so no group of it; set "
                        "workload.group too",
                        user->number));
    }
    auto groups = supplementary(options, user, wanted.group);
    if (!groups) return tl::unexpected<Error>(groups.error());
    wanted.groups = std::move(*groups);
    const bool as_it_is =
        wanted.user == geteuid() && wanted.group == getegid() && wanted.groups == in_order(own_groups());
    return as_it_is ? std::nullopt : std::optional<Credentials>(std::move(wanted));
}

Result<void> add_environment(const WorkloadOptions& workload, const std::optional<User>& user,
                             std::map<std::string, std::string>& env) {
    env = workload.env;  // what is in it already stays
    if (!workload.process.env_file.empty()) {
        auto text = config::contents_of(workload.process.env_file);
        if (text && text->size() > config::kMaxFileSize) text = failure("is too large for a list of variables");
        auto found = text.and_then(variables_in);
        if (!found) {
            return failure(fmt::format("workload.env_file: {}: {}", workload.process.env_file, found.error().message));
        }
        env.merge(*found);
    }
    if (!user || user->name.empty()) return {};
    for (const auto& [name, value] : {std::pair("USER", user->name), std::pair("LOGNAME", user->name),
                                      std::pair("HOME", user->home), std::pair("SHELL", user->shell)}) {
        if (!value.empty()) env.emplace(name, value);
    }
    return {};
}

}  // namespace

Result<std::map<std::string, std::string>> variables_in(const std::string& text) {
    std::map<std::string, std::string> variables;
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.ends_with('\r')) line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos) return failure(fmt::format("line {} is not NAME=value", number));
        const auto name = config::variable_name_form().read(line.substr(0, equals));
        if (!name) {
            const std::string shown = config::printable(line.substr(0, equals));
            return failure(fmt::format("line {}: '{}' {}", number, shown, name.error().message));
        }
        const auto value = config::variable_value_form().read(line.substr(equals + 1));
        if (!value) return failure(fmt::format("line {}: the value {}", number, value.error().message));
        variables[*name] = *value;
    }
    return variables;
}

Result<WorkloadProcess> look_up(const WorkloadOptions& workload) {
    const ProcessOptions& options = workload.process;
    WorkloadProcess process;
    std::optional<User> user;
    if (!options.user.empty()) {
        auto found = find_user(options.user);
        if (!found) return tl::unexpected<Error>(found.error());
        user = std::move(*found);
    }
    auto credentials = credentials_of(options, user);
    if (!credentials) return tl::unexpected<Error>(credentials.error());
    process.attributes.credentials = std::move(*credentials);
    if (options.umask) process.attributes.umask = static_cast<mode_t>(*options.umask);
    for (const auto& [name, range] : options.limits) {
        process.attributes.limits.push_back({config::limit_named(name).value(), range.soft, range.hard});
    }
    process.attributes.working_directory = options.working_directory;
    process.attributes.nice = options.nice;
    process.attributes.oom_score_adj = options.oom_score_adj;
    if (auto added = add_environment(workload, user, process.env); !added) {
        return tl::unexpected<Error>(added.error());
    }
    return process;
}

}  // namespace leasehold::app
