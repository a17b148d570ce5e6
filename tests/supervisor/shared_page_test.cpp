// SPDX-License-Identifier: Apache-2.0
#include "supervisor/shared_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

using std::chrono::seconds;

TermGrant grant_in_seconds(Term term, int soft, int hard) {
    return {term, 70 + term, 7, Instant{} + seconds(soft), Instant{} + seconds(hard)};
}

TEST(SharedPage, is_empty_at_first) {
    auto page = SharedPage::create();
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ((*page)->grant(), TermGrant{});
    EXPECT_FALSE((*page)->populated());
    EXPECT_EQ((*page)->closed_through(), 0U);
    EXPECT_EQ((*page)->last_version(), 0U);
    EXPECT_EQ((*page)->agent_restarts(), 0U);
    EXPECT_EQ((*page)->supervisor_process(), 0);
}

TEST(SharedPage, shows_one_process_what_another_wrote) {
    auto page = SharedPage::create();
    ASSERT_TRUE(page);
    const pid_t child = fork();
    if (child == 0) {
        auto other = SharedPage::open(dup((*page)->fd()));
        if (!other) _exit(1);
        (*other)->publish(grant_in_seconds(4, 10, 20));
        (*other)->publish_last_version(99);
        (*other)->set_populated(true);
        (*other)->close_through(3);
        (*other)->set_agent_restarts(2);
        (*other)->set_supervisor_process(4711);
        _exit(0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    EXPECT_EQ((*page)->grant(), grant_in_seconds(4, 10, 20));
    EXPECT_EQ((*page)->last_version(), 99U);
    EXPECT_TRUE((*page)->populated());
    EXPECT_EQ((*page)->closed_through(), 3U);
    EXPECT_EQ((*page)->agent_restarts(), 2U);
    EXPECT_EQ((*page)->supervisor_process(), 4711);
}

TEST(SharedPage, deadlines_of_a_term_never_move_back_and_a_new_term_has_its_own) {
    auto page = SharedPage::create();
    ASSERT_TRUE(page);
    (*page)->publish(grant_in_seconds(1, 10, 20));
    (*page)->publish(grant_in_seconds(1, 5, 25));
    EXPECT_EQ((*page)->grant(), grant_in_seconds(1, 10, 25));
    (*page)->publish(grant_in_seconds(2, 8, 9));
    EXPECT_EQ((*page)->grant(), grant_in_seconds(2, 8, 9));
}

TEST(SharedPage, closed_terms_stay_closed) {
    auto page = SharedPage::create();
    ASSERT_TRUE(page);
    (*page)->close_through(5);
    (*page)->close_through(3);
    EXPECT_EQ((*page)->closed_through(), 5U);
}

TEST(SharedPage, cannot_be_shrunk_and_refuses_what_is_not_one) {
    auto page = SharedPage::create();
    ASSERT_TRUE(page);
    EXPECT_NE(ftruncate((*page)->fd(), 0), 0);
    EXPECT_FALSE(SharedPage::open(-1));
    const int empty = memfd_create("empty", MFD_CLOEXEC);
    EXPECT_FALSE(SharedPage::open(empty));
    const int foreign = memfd_create("foreign", MFD_CLOEXEC);
    ASSERT_EQ(ftruncate(foreign, 4096), 0);
    auto refused = SharedPage::open(foreign);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("version"), std::string::npos);
}

}  // namespace
}  // namespace leasehold::supervisor
