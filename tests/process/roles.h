// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace leasehold::process_test {

// The guardian, executed with a description; in production it is what was started (become_guardian()).
inline constexpr const char* kGuardianRole = "@guardian";

// An agent that does what the test says and tells the test everything it hears, in lines of text over the socket whose
// path is in this environment variable.
inline constexpr const char* kStringsVariable = "LEASEHOLD_TEST_STRINGS";
int puppet_agent_main(const std::vector<std::string>& arguments);

inline constexpr unsigned kNobody = 65534;  // the user, and the group, who owns nothing

// "@idle": does nothing until it is killed. "@relay": forks a child that forks a child ..., each in a session of its
// own and each parent gone at once, without end.
int workload_main(const std::string& name, const std::vector<std::string>& arguments);

// Trees that are hard to kill: the name of a shape, then a FIFO that everything in the tree holds open for writing (so
// its end proves that all of it is gone), and into which one letter goes when the tree has taken its shape. "@moved"
// takes another argument: a cgroup.procs file to which it writes itself.
inline constexpr const char* kShapes[] = {"@plain",   "@daemon", "@deaf",    "@bare",  "@relays",   "@subreaper",
                                          "@threads", "@bomb",   "@respawn", "@chain", "@namespace"};
int shape_main(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace leasehold::process_test
