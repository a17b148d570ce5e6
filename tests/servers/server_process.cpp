// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/server_process.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include <fmt/core.h>

namespace leasehold::servers {
namespace {

constexpr std::size_t kOutputShown = 4000;  // characters

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr ? value : "";
}

}  // namespace

// As in scripts/lib.sh.
std::string cache_folder(const std::string& what) {
    std::string base = variable("LEASEHOLD_CACHE");
    if (base.empty()) {
        const std::string caches = variable("XDG_CACHE_HOME");
        base = (caches.empty() ? variable("HOME") + "/.cache" : caches) + "/leasehold";
    }
    return base + '/' + what;
}

std::unique_ptr<harness::Process> start_server(std::vector<std::string> command, const std::string& output) {
    command.insert(command.begin(), {"setpriv", "--pdeathsig", "KILL", "--"});
    return std::make_unique<harness::Process>(
        harness::Process::Options{.arguments = command, .output = output, .environment = {}});
}

void server_failed(const std::string& what, const std::string& output) {
    const std::string text = harness::read_file(output);
    const std::string end = text.substr(text.size() - std::min(text.size(), kOutputShown));
    throw std::runtime_error(fmt::format("{}; the end of {}:\n{}", what, output, end));
}

}  // namespace leasehold::servers
