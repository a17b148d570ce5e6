// SPDX-License-Identifier: Apache-2.0
//
// docs/metrics.md says what the catalogue says. LEASEHOLD_WRITE_PAGES=1 in the environment writes it anew.
#include "reference.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "metrics/catalogue.h"

namespace leasehold::metrics {
namespace {

TEST(Reference, TellsOfEveryMetricWhenToLookAtIt) {
    for (const MetricSpec& metric : catalogue()) {
        EXPECT_TRUE(metric.look.ends_with('.') && metric.look.size() > 20) << metric.name;
    }
}

TEST(Reference, TheDocumentIsMadeFromTheCatalogue) {
    const std::string path = METRICS_PAGE;
    if (std::getenv("LEASEHOLD_WRITE_PAGES") != nullptr) std::ofstream(path) << reference_page();
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), reference_page()) << "LEASEHOLD_WRITE_PAGES=1 metrics_test writes it anew";
}

}  // namespace
}  // namespace leasehold::metrics
