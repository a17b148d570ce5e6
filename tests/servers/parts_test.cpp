// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/harness/candidate.h"
#include "tests/servers/audit_log.h"

namespace leasehold::servers {
namespace {

using harness::TempFolder;

constexpr const char* kReceived = R"({"auditID":"1","stage":"RequestReceived","verb":"get","requestURI":"/a",)"
                                  R"("user":{"username":"alice"},"objectRef":{"resource":"leases","namespace":"n"}})";
constexpr const char* kComplete = R"({"auditID":"1","stage":"ResponseComplete","verb":"get","requestURI":"/a",)"
                                  R"("user":{"username":"alice"},"objectRef":{"resource":"leases","namespace":"n"},)"
                                  R"("responseStatus":{"code":404}})";
constexpr const char* kOther = R"({"auditID":"2","stage":"RequestReceived","verb":"get","requestURI":"/version",)"
                               R"("user":{"username":"bob"}})";

TEST(AuditLog, PutsTheStagesOfARequestTogether) {
    const TempFolder folder;
    AuditLog log(folder.path("audit.log"));
    EXPECT_TRUE(log.read().empty());
    const std::string first = std::string(kReceived) + '\n';
    harness::write_file(folder.path("audit.log"), first);
    ASSERT_EQ(log.read().size(), 1U);
    EXPECT_EQ(log.read().front().status, 0);
    const std::string all = first + kOther + '\n' + kComplete + '\n';
    harness::write_file(folder.path("audit.log"), all.substr(0, all.size() - 5));
    EXPECT_EQ(log.read().size(), 2U);
    EXPECT_FALSE(log.read().front().complete);  // that line is not whole yet
    harness::write_file(folder.path("audit.log"), all);
    EXPECT_TRUE(log.read().front().complete);
    EXPECT_EQ(log.read().front().status, 404);
    EXPECT_EQ(summary(log.read()), "1 get /version, 1 get leases");
    EXPECT_EQ(summary(log.since(1)), "1 get /version");
    EXPECT_EQ(summary(matching(log.read(), {.user = "alice"})), "1 get leases");
    EXPECT_EQ(summary(matching(log.read(), {.user = "alice", .verb = "put"})), "none");
}

}  // namespace
}  // namespace leasehold::servers
