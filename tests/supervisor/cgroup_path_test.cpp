// SPDX-License-Identifier: Apache-2.0
#include "supervisor/cgroup_path.h"

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

using Folders = std::vector<std::string>;

constexpr const char* kHybrid =
    "38 31 0:35 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
    "a line without sense\n";

Folders found(const std::string& mounts, const std::string& own) {
    return own_cgroup_folders(parse_mounts(mounts), own).value_or(Folders{"refused"});
}

TEST(CgroupPath, is_found_beneath_a_hybrid_and_a_unified_mount) {
    EXPECT_EQ(found(kHybrid, "8:pids:/x\n0::/\n"), Folders{"/sys/fs/cgroup/unified"});
    EXPECT_EQ(found(kHybrid, "0::/system.slice/a.service\n"), Folders{"/sys/fs/cgroup/unified/system.slice/a.service"});
}

TEST(CgroupPath, root_of_the_mount_is_taken_away_and_blanks_are_understood) {
    const std::string mount = "1 2 0:3 /docker/a\\040b /sys/fs/c\\040g rw - cgroup2 cgroup rw\n";
    EXPECT_EQ(found(mount, "0::/docker/a b/c\n"), Folders{"/sys/fs/c g/c"});
    EXPECT_EQ(found(mount, "0::/docker/a b\n"), Folders{"/sys/fs/c g"});
    EXPECT_EQ(found(mount, "0::/docker/a bc\n"), Folders{"refused"});
}

TEST(CgroupPath, last_mount_is_tried_first) {
    const std::string two = "1 2 0:3 / /a rw - cgroup2 c rw\n1 2 0:3 / /b rw - cgroup2 c rw\n";
    EXPECT_EQ(found(two, "0::/x\n"), (Folders{"/b/x", "/a/x"}));
}

TEST(CgroupPath, is_refused_when_it_cannot_be_seen) {
    EXPECT_EQ(found(kHybrid, "8:pids:/\n"), Folders{"refused"});
    EXPECT_EQ(found(kHybrid, "0::/../other\n"), Folders{"refused"});
    EXPECT_EQ(found(kHybrid, "0::/gone (deleted)\n"), Folders{"refused"});
    EXPECT_EQ(found("", "0::/\n"), Folders{"refused"});
    EXPECT_EQ(found("1 2 0:3 /../.. /a rw - cgroup2 c rw\n", "0::/\n"), Folders{"refused"});
}

TEST(CgroupPath, name_of_a_lock_is_safe) {
    EXPECT_EQ(lock_cgroup_name("../a b/c\n", "00ff"), "leasehold-.._a_b_c_-00ff");
    EXPECT_LT(lock_cgroup_name(std::string(500, 'x'), "00ff").size(), 255U);
}

}  // namespace
}  // namespace leasehold::supervisor
