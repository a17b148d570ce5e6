// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the file store share: a folder of their own, a disk that can be made to hang, child processes.
#pragma once

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "election/stores/file_store_loop.h"
#include "election/stores/register_file.h"

namespace leasehold::stores {

// A temporary folder, deleted at the end, and the place of a record in it.
class TempFolder {
public:
    TempFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "leasehold-stores-XXXXXX").string();
        folder_ = mkdtemp(pattern.data()) != nullptr ? pattern : "";
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder() {
        std::error_code ignored;
        if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    }

    const std::string& folder() const { return folder_; }
    std::string record() const { return folder_ + "/test.lease"; }
    std::string lock() const { return record() + ".lock"; }
    FilePlace place() const { return FilePlace(record()); }

    std::size_t count_temporary_files() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
            if (entry.path().extension() == ".tmp") ++count;
        }
        return count;
    }

private:
    std::string folder_;
};

inline std::string text_of_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void put_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

template <class Condition>
bool wait_until(const Condition& condition) {
    const Instant begin = now();
    while (!condition()) {
        if (elapsed_at_most(begin, now()) > std::chrono::seconds(60)) return false;
        usleep(100);
    }
    return true;
}

// Threads that come to it wait while it is closed: a disk that does not answer.
class Gate {
public:
    void close() {
        const std::lock_guard guard(mutex_);
        closed_ = true;
    }
    void open() {
        const std::lock_guard guard(mutex_);
        closed_ = false;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.wait(lock, [&] { return !closed_; });
        --waiting_;
    }
    int waiting() {
        const std::lock_guard guard(mutex_);
        return waiting_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool closed_ = false;
    int waiting_ = 0;
};

// A process that runs `work` and then exits with what it returned. Killed at the end if need be. `work` must not start
// threads.
class ChildProcess {
public:
    explicit ChildProcess(const std::function<int()>& work) {
        std::fflush(nullptr);  // or the child would print it again
        pid_ = fork();
        if (pid_ == 0) _exit(work());
    }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess() { kill_and_wait(); }

    void kill_and_wait() {
        if (pid_ > 0) ::kill(pid_, SIGKILL);
        wait();
    }
    // The exit status, or -1 when a signal ended it.
    int wait() {
        int status = 0;
        if (pid_ > 0 && waitpid(pid_, &status, 0) == pid_) status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        pid_ = -1;
        return status_;
    }

private:
    pid_t pid_ = -1;
    int status_ = -1;
};

// One compare-and-swap from beginning to end, on this thread.
inline election::WriteOutcome write_now(RegisterFile& file, const WriteRequest& request) {
    FileWrite write(file, request, [] { return false; });
    while (true) {
        if (auto outcome = write.advance()) return *outcome;
        usleep(100);
    }
}

}  // namespace leasehold::stores
