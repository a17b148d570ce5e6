// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace leasehold::process_test {

// An agent that does what the test says and tells the test everything it hears, in lines of text over the socket whose
// path is in this environment variable.
inline constexpr const char* kStringsVariable = "LEASEHOLD_TEST_STRINGS";
int puppet_agent_main(const std::vector<std::string>& arguments);

// "@idle": does nothing until it is killed. "@relay": forks a child that forks a child ..., each in a session of its
// own and each parent gone at once, without end.
int workload_main(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace leasehold::process_test
