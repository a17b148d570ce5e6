// SPDX-License-Identifier: Apache-2.0
//
// Measures how fast the workload's output is captured into a file (workload.output, overflow: block), beside a workload
// that writes there by itself, and counts the lines that have arrived:
//
//   bench_output [megabytes] [bytes a line]
//
// Time is counted from the workload's first instruction to the last line in the file.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

#include "tests/harness/board.h"
#include "tests/harness/candidate.h"

namespace {

using namespace leasehold::harness;

constexpr const char* kEnd = "that was all";

// The workload: so many numbered lines, in blocks as programs write them into a pipe.
int write_lines(long count, std::size_t length, const char* begun) {
    write_file(begun, std::to_string(monotonic_now().count()));
    std::string block;
    for (long i = 0; i < count; ++i) {
        std::string line = fmt::format("line {} ", i);
        line.resize(length - 1, 'x');
        block += line + '\n';
        if (block.size() < 32'768 && i + 1 < count) continue;
        if (write(STDOUT_FILENO, block.data(), block.size()) != static_cast<ssize_t>(block.size())) return 1;
        block.clear();
    }
    block = std::string(kEnd) + '\n';
    return write(STDOUT_FILENO, block.data(), block.size()) > 0 ? 0 : 1;
}

std::string end_of(const std::string& path) {
    constexpr std::streamoff kLength = 4096;
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    file.seekg(std::max<std::streamoff>(file.tellg() - kLength, 0));
    return {std::istreambuf_iterator<char>(file), {}};
}

struct Run {
    double megabytes_a_second = 0;
    long lines = 0;
    long out_of_order = 0;
};

Run measure(const std::string& self, const std::string& output, long count, std::size_t length) {
    const TempFolder folder;
    const std::string begun = folder.path("begun");
    Candidate candidate({.folder = folder.path(),
                         .name = "only",
                         .command = {self, "--write", std::to_string(count), std::to_string(length), begun},
                         .workload = output});
    const auto limit = std::chrono::minutes(5);
    eventually([&] { return end_of(folder.path("only.log")).find(kEnd) != std::string::npos; }, limit);
    const auto ended = monotonic_now();
    candidate.process().wait(limit);
    const std::chrono::duration<double> took = ended - std::chrono::nanoseconds(std::stoll(read_file(begun)));
    Run run;
    run.megabytes_a_second = static_cast<double>(count) * static_cast<double>(length) / 1e6 / took.count();
    const std::string log = candidate.log();
    for (std::size_t at = 0; (at = log.find("line ", at)) != std::string::npos; at += 5) {
        if (std::strtol(log.c_str() + at + 5, nullptr, 10) != run.lines) ++run.out_of_order;
        ++run.lines;
    }
    return run;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 5 && std::string(argv[1]) == "--write") {
        return write_lines(std::atol(argv[2]), static_cast<std::size_t>(std::atol(argv[3])), argv[4]);
    }
    const long megabytes = argc > 1 ? std::max(std::atol(argv[1]), 1L) : 200;
    const std::size_t length = argc > 2 ? static_cast<std::size_t>(std::max(std::atol(argv[2]), 30L)) : 100;
    const long count = megabytes * 1'000'000 / static_cast<long>(length);
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    bool complete = true;
    for (const auto& [name, output] : {std::pair("inherit", ""), std::pair("text", "  output: {format: text}\n"),
                                       std::pair("text, with a prefix", "  output: {format: text, prefix: \"w: \"}\n"),
                                       std::pair("json", "  output: {format: json}\n")}) {
        const Run run = measure(self, output, count, length);
        fmt::print("{:<20} {:8.1f} MB/s, {} of {} lines, {} out of order\n", name, run.megabytes_a_second, run.lines,
                   count, run.out_of_order);
        complete = complete && run.lines == count && run.out_of_order == 0;
    }
    return complete ? 0 : 1;
}
