// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/names.h"

#include <random>

#include <fmt/core.h>

namespace leasehold::stores::zookeeper {
namespace {

constexpr std::string_view kMark = "made-";

bool is_plain(char c) { return c > ' ' && c < 0x7f && c != '/' && c != '%'; }

}  // namespace

std::string znode_name(std::string_view election) {
    const bool has_a_meaning = election == "." || election == ".." || election == "zookeeper";
    std::string name;
    for (const char c : election) {
        const bool stays = is_plain(c) && !(has_a_meaning && name.empty());
        name += stays ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return name;
}

std::string znode_path(const std::string& parent, std::string_view election) {
    return (parent == "/" ? "" : parent) + "/" + znode_name(election);
}

std::vector<std::string> ancestors(const std::string& path) {
    std::vector<std::string> all;
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        all.push_back(path.substr(0, slash));
    }
    return all;
}

std::string new_mark() {
    std::random_device random;
    return fmt::format("{}{:08x}{:08x}{:08x}{:08x}", kMark, random(), random(), random(), random());
}

bool is_mark(std::string_view name) { return name.starts_with(kMark); }

}  // namespace leasehold::stores::zookeeper
