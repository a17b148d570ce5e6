// SPDX-License-Identifier: Apache-2.0
//
// The same cases for leasehold, tini and dumb-init, and for inits that are broken on purpose: one test per case and
// init. docs/operations.md tells what differs.
#include <csignal>

#include <gtest/gtest.h>

#include "tests/init/cases.h"

namespace leasehold::init_test {
namespace {

struct Parameter {
    Row row;
    Init init;
    bool passes;
};

std::vector<Parameter> all_parameters() {
    std::vector<Parameter> parameters;
    for (const auto& rows : {process_rows(), terminal_rows()}) {
        for (const Row& row : rows) {
            for (const Init init : row.pass) parameters.push_back({row, init, true});
            for (const Init init : row.fail) parameters.push_back({row, init, false});
        }
    }
    return parameters;
}

std::string name_of_parameter(const testing::TestParamInfo<Parameter>& info) {
    return std::string(info.param.row.name) + (info.param.passes ? "__" : "__not__") + name_of(info.param.init);
}

void PrintTo(const Parameter& parameter, std::ostream* out) {
    *out << parameter.row.name << (parameter.passes ? " passes with " : " is failed by ") << name_of(parameter.init);
}

class Inits : public testing::TestWithParam<Parameter> {};

TEST_P(Inits, do_as_expected) {
    const Parameter& parameter = GetParam();
    if (parameter.row.as_pid_1 && !can_be_pid_1()) GTEST_SKIP() << "needs the right to make PID namespaces";
    const harness::TempFolder folder;
    const auto limit = parameter.passes ? std::chrono::seconds(30) : std::chrono::seconds(2);
    const std::string wrong = parameter.row.run({parameter.init, limit, folder.path()});
    if (parameter.passes) {
        EXPECT_EQ(wrong, "");
    } else {
        EXPECT_NE(wrong, "") << "this case does not notice what it is there for";
    }
}

INSTANTIATE_TEST_SUITE_P(All, Inits, testing::ValuesIn(all_parameters()), name_of_parameter);

}  // namespace
}  // namespace leasehold::init_test
