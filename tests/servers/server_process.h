// SPDX-License-Identifier: Apache-2.0
//
// What the servers of the tests have in common: where their programs are, and that none of them outlives a test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/candidate.h"

namespace leasehold::servers {

// The folder in which the scripts of tests/servers/ leave what takes long to make; `what` is a folder below it.
std::string cache_folder(const std::string& what);

// A server that dies with the thread that started it, so that not even a test that is killed leaves one behind. Its
// output goes to a file.
std::unique_ptr<harness::Process> start_server(std::vector<std::string> command, const std::string& output);

// Throws std::runtime_error with the end of the server's output.
[[noreturn]] void server_failed(const std::string& what, const std::string& output);

}  // namespace leasehold::servers
