// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/prctl.h>

#include "tests/init/roles.h"

int main(int argc, char** argv) {
    const std::string role = argc > 1 ? argv[1] : "";
    if (role.starts_with("@")) {
        const std::vector<std::string> arguments(argv + 2, argv + argc);
        const int status = leasehold::init_test::bad_init_main(role, arguments);
        return status >= 0 ? status : leasehold::init_test::workload_main(role, arguments);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // whatever a subject leaves behind can be found and ended
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
