// SPDX-License-Identifier: Apache-2.0
#include "supervisor/command.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/launch.h"

namespace leasehold::supervisor {
namespace {

constexpr const char* kDefaultPath = "/bin:/usr/bin";  // what glibc's execvp takes when PATH is not set

// Failures after which execvp(3) goes on to the next folder of PATH.
bool keeps_looking(int problem) {
    return problem == EACCES || problem == ENOENT || problem == ESTALE || problem == ENOTDIR || problem == ENODEV ||
           problem == ETIMEDOUT;
}

std::string_view name_in(std::string_view line) { return line.substr(0, line.find('=')); }

}  // namespace

std::vector<std::string> candidates(const std::string& command, const std::string& path) {
    if (command.empty()) return {};
    if (command.find('/') != std::string::npos) return {command};
    std::vector<std::string> files;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        std::string file = path.substr(begin, end - begin);
        if (!file.empty()) file += '/';  // an empty folder is the current one
        files.push_back(file.append(command));
        begin = end + 1;
    }
    return files;
}

std::vector<std::string> merged_environment(const char* const* inherited,
                                            const std::map<std::string, std::string>& added) {
    std::vector<std::string> lines;
    for (; *inherited != nullptr; ++inherited) {
        const std::string_view line = *inherited;
        if (!added.contains(std::string(name_in(line)))) lines.emplace_back(line);
    }
    for (const auto& [name, value] : added) lines.push_back(std::string(name).append("=").append(value));
    return lines;
}

std::string path_of(const std::vector<std::string>& environment) {
    for (const std::string& line : environment) {
        if (name_in(line) == "PATH") return line.substr(std::min<std::size_t>(line.size(), 5));
    }
    return kDefaultPath;
}

Executable::Executable(std::vector<std::string> command, std::vector<std::string> environment)
    : command_(std::move(command)), environment_(std::move(environment)), path_(path_of(environment_)) {
    files_ = candidates(command_.front(), path_);
    for (std::string& argument : command_) argv_.push_back(argument.data());
    for (std::string& line : environment_) envp_.push_back(line.data());
    argv_.push_back(nullptr);
    envp_.push_back(nullptr);
}

int Executable::execute() const {
    int problem = ENOENT;
    for (const std::string& file : files_) {
        execve(file.c_str(), argv_.data(), envp_.data());
        if (!keeps_looking(errno)) return errno;
        if (errno == EACCES) problem = EACCES;  // worth more than that it is missing further down the PATH
    }
    return problem;
}

int command_status(const std::string& command, const std::string& path, std::string& problem) {
    int reason = ENOENT;
    for (const std::string& file : candidates(command, path)) {
        struct stat info {};
        if (stat(file.c_str(), &info) != 0) {
            if (errno == EACCES) reason = EACCES;
            continue;
        }
        if (S_ISREG(info.st_mode) && faccessat(AT_FDCWD, file.c_str(), X_OK, AT_EACCESS) == 0) return 0;
        reason = EACCES;
    }
    return status_of_failure(command, path, reason, problem);
}

int status_of_failure(const std::string& command, const std::string& path, int problem, std::string& sentence) {
    const bool by_path = command.find('/') == std::string::npos;
    const std::string start = "cannot execute the command \"" + command + "\": ";
    if (problem == ENOENT && !by_path && access(command.c_str(), F_OK) == 0) {
        sentence = start + "the file is there, but the interpreter or loader that it names is not; install that";
        return 126;
    }
    if (problem == ENOENT || problem == ENOTDIR) {
        sentence = start + (by_path ? "it is in none of the folders of PATH (" + path + "); install it or give its path"
                                    : "there is no such file; install it or correct the path");
        return 127;
    }
    if (problem == EACCES) {
        sentence = start + "it may not be executed (not a program file, no x permission, or a noexec file system)";
    } else if (problem == ENOEXEC) {
        sentence = start + "neither a program for this machine nor a script that begins with #! and its interpreter";
    } else {
        sentence = start + std::generic_category().message(problem);
    }
    return 126;
}

}  // namespace leasehold::supervisor
