// SPDX-License-Identifier: Apache-2.0
//
// Real leasehold processes for tests and benchmarks: started in a folder of their own, ended by the ids that were
// started, never by name.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/harness/http_get.h"

namespace leasehold::harness {

inline constexpr unsigned kNobody = 65534;  // the user, and the group, who owns nothing

// Polls until `condition` holds; false when it does not within the limit, which is generous on purpose.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = std::chrono::seconds(30));

// A new folder below the system's folder for temporary files, removed with everything in it.
class TempFolder {
public:
    TempFolder();
    ~TempFolder();
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    std::string path(const std::string& name = {}) const { return name.empty() ? path_ : path_ + '/' + name; }

private:
    std::string path_;
};

void write_file(const std::string& path, const std::string& text);
std::string read_file(const std::string& path);  // empty when there is none

// A process that the test started; killed and reaped with the object if it still lives.
class Process {
public:
    struct Options {
        std::vector<std::string> arguments;    // [0] is the program
        std::string output;                    // file for standard output and error
        std::vector<std::string> environment;  // added, "NAME=value"
    };
    explicit Process(const Options& options);
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    ~Process();

    pid_t pid() const { return pid_; }
    void signal(int number) const;
    bool running();

    // As a shell says it: the exit code, or 128 + signal; nothing when it does not end within the limit.
    std::optional<int> wait(std::chrono::milliseconds limit = std::chrono::seconds(60));

private:
    pid_t pid_ = -1;
    std::optional<int> status_;
};

std::vector<pid_t> children_of(pid_t parent);
std::string name_of(pid_t process);  // comm
bool lives(pid_t process);           // there is such a process, and it is no zombie
bool is_stopped(pid_t process);      // by a signal
std::vector<pid_t> descendants_of(pid_t ancestor);

// The timing section of a test configuration.
struct TestTiming {
    std::string lease = "1s";
    std::string deadline = "500ms";
    std::string retry = "100ms";
    std::string extra = {};  // further lines of the section `election`, indented by two blanks
};

// One `leasehold run` on a lease file in `folder`, logging to <folder>/<name>.log.
class Candidate {
public:
    struct Options {
        std::string folder = {};
        std::string name = {};
        std::vector<std::string> command = {};
        TestTiming timing = {};
        std::string listen = "127.0.0.1:0";
        std::string extra = {};     // further YAML, appended
        std::string lease = {};     // path of the record; empty: <folder>/test.lease
        std::string workload = {};  // further lines of the section `workload`, indented by two blanks
        std::string election = "test";
        std::string program = {};                // empty: leasehold
        std::vector<std::string> launcher = {};  // a command that executes its last arguments as a command
        std::string store = {};                  // what stands in election.store, as YAML on one line; empty: the file
        std::vector<std::string> environment = {};  // added, "NAME=value"
    };
    explicit Candidate(Options options);

    const std::string& name() const { return options_.name; }
    std::string log() const { return read_file(options_.folder + '/' + options_.name + ".log"); }
    Process& process() { return process_; }

    // What was started, or, below a launcher that stays, its descendant with the guardian's name. 0 when it is gone.
    pid_t guardian();

    // SIGKILL to supervisor, agent and guardian, one right after the other. The workload is left to the kernel.
    void kill_all();

    // The process with this name among the guardian's children, once it is there.
    pid_t role(const std::string& comm);

    // The port the endpoints are served on, from the log, once it is there.
    int http_port();

private:
    static Process start(const Options& options);

    Options options_;
    Process process_;
};

// Where the build put the program and the test workload.
std::string leasehold_program();
std::string stamper_program();

}  // namespace leasehold::harness
