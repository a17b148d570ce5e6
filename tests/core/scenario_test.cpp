// SPDX-License-Identifier: Apache-2.0
//
// Replays every story in scenarios/. With LEASEHOLD_REWRITE_SCENARIOS=1 in the environment their answers are rewritten
// in place; read the difference before believing it.
#include "scenario.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace leasehold::election {
namespace {

namespace fs = std::filesystem;

fs::path folder() { return fs::path(LEASEHOLD_TEST_FOLDER) / "scenarios"; }

std::vector<std::string> stories() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder())) {
        if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string contents(const fs::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, goes_as_told) {
    const fs::path path = folder() / (GetParam() + ".txt");
    const std::string told = contents(path);
    ASSERT_TRUE(told.starts_with("# ")) << "a story opens with its rule";
    const std::string happened = replay(told);
    const char* rewrite = std::getenv("LEASEHOLD_REWRITE_SCENARIOS");
    if (rewrite != nullptr && std::string(rewrite) == "1") {
        std::ofstream(path) << happened;
    } else {
        EXPECT_EQ(told, happened);
    }
}

INSTANTIATE_TEST_SUITE_P(Stories, Scenario, testing::ValuesIn(stories()),
                         [](const auto& story) { return story.param; });

}  // namespace
}  // namespace leasehold::election
