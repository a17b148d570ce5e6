// SPDX-License-Identifier: Apache-2.0
//
// Which containment is taken, and what is said when one cannot be.
#include <fstream>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "supervisor/cgroup_group.h"
#include "tests/process/keeper.h"
#include "tests/process/roles.h"

namespace leasehold::process_test {
namespace {

using supervisor::ContainmentChoice;
using supervisor::ContainmentMethod;
using supervisor::plan_containment;

// As another user, in this cgroup if one is given. 0: a plan with that method; 1: refused with these words; 2: else.
int plan_as_nobody(ContainmentChoice wanted, ContainmentMethod expected, const std::string& words,
                   const std::string& cgroup = "") {
    const pid_t pid = fork();
    if (pid == 0) {
        if (!cgroup.empty()) std::ofstream(cgroup + "/cgroup.procs") << getpid() << std::flush;
        if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(3);
        const auto plan = plan_containment(wanted, "process-test", "nobody");
        if (plan && plan->method == expected)
            _exit(words.empty() || plan->why_not_more.find(words) != std::string::npos ? 0 : 2);
        _exit(!plan && plan.error().message.find(words) != std::string::npos ? 1 : 2);
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void give_to_nobody(const std::string& folder, const std::vector<std::string>& files) {
    for (const std::string& file : files) EXPECT_EQ(chown((folder + file).c_str(), kNobody, kNobody), 0) << file;
}

class Plan : public testing::Test {
protected:
    void SetUp() override {
        if (getuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
        if (!place_.why_not.empty()) GTEST_SKIP() << place_.why_not;
    }

    const Place place_{ContainmentMethod::cgroup};
};

TEST_F(Plan, without_permission_cgroup_and_namespace_are_refused_and_automatic_says_why) {
    EXPECT_EQ(plan_as_nobody(ContainmentChoice::cgroup, ContainmentMethod::cgroup, "Delegate=yes"), 1);
    EXPECT_EQ(plan_as_nobody(ContainmentChoice::pid_namespace, ContainmentMethod::pid_namespace, "CAP_SYS_ADMIN"), 1);
    EXPECT_EQ(plan_as_nobody(ContainmentChoice::automatic, ContainmentMethod::subreaper, "Delegate=yes"), 0);
}

TEST_F(Plan, a_delegated_cgroup_is_enough_and_a_threaded_one_is_refused) {
    const std::string delegated = place_.plan.cgroup + "-delegated";
    ASSERT_EQ(mkdir(delegated.c_str(), 0755), 0);
    give_to_nobody(delegated, {"", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"});
    EXPECT_EQ(plan_as_nobody(ContainmentChoice::cgroup, ContainmentMethod::cgroup, "", delegated), 0);
    std::ofstream(delegated + "/cgroup.type") << "threaded" << std::flush;
    EXPECT_EQ(plan_as_nobody(ContainmentChoice::cgroup, ContainmentMethod::cgroup, "cgroup.type", delegated), 1);
    EXPECT_EQ(supervisor::remove_cgroups(delegated), 0);
}

TEST_F(Plan, a_trial_in_the_folder_of_somebody_elses_trial_is_not_enough) {
    const std::string shared = place_.plan.cgroup + "-shared";
    ASSERT_EQ(mkdir(shared.c_str(), 0755), 0);
    ASSERT_EQ(mkdir((shared + "/leasehold-trial").c_str(), 0755), 0);
    give_to_nobody(shared, {"/cgroup.procs", "/leasehold-trial", "/leasehold-trial/cgroup.procs"});
    EXPECT_EQ(plan_as_nobody(ContainmentChoice::cgroup, ContainmentMethod::cgroup, "Delegate=yes", shared), 1);
    EXPECT_EQ(supervisor::remove_cgroups(shared), 0);
}

}  // namespace
}  // namespace leasehold::process_test
