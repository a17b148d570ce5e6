// SPDX-License-Identifier: Apache-2.0
#include "election/stores/peer_files.h"

#include <gmock/gmock.h>

#include "tests/stores/support.h"

namespace leasehold::stores {
namespace {

using testing::HasSubstr;

Result<std::string> not_empty(const std::string& text) {
    if (text.empty()) return failure("is empty");
    return text;
}

TEST(PeerFiles, HaveWhatStoodThereLastThatWasGood) {
    const TempFolder folder;
    const std::string path = folder.folder() + "/password";
    put_file(path, "first");
    PeerFiles files("election.store.x");
    ASSERT_TRUE(files.add("password_file", path, not_empty));
    EXPECT_EQ(files.text("password_file"), "first");
    put_file(path, "second");
    EXPECT_EQ(files.text("password_file"), "first") << "nobody has looked yet";
    files.refresh();
    EXPECT_EQ(files.text("password_file"), "second");
    put_file(path, "");
    files.refresh();
    std::filesystem::remove(path);
    files.refresh();
    EXPECT_EQ(files.text("password_file"), "second");
}

TEST(PeerFiles, OneFileMayServeTwoKeys) {
    const TempFolder folder;
    const std::string path = folder.folder() + "/combined.pem";
    put_file(path, "both");
    PeerFiles files("election.store.x");
    ASSERT_TRUE(files.add("cert_file", path, [](const std::string&) { return Result<std::string>("certificate"); }));
    ASSERT_TRUE(files.add("key_file", path, [](const std::string&) { return Result<std::string>("key"); }));
    const auto peer = files.peer("https://a");
    EXPECT_EQ(peer.base_url, "https://a");
    EXPECT_EQ(peer.certificate_pem, "certificate");
    EXPECT_EQ(peer.key_pem, "key");
    EXPECT_EQ(peer.ca_pem, "");
}

TEST(PeerFiles, WhatCannotBeUsedAtTheStartIsNamed) {
    PeerFiles files("election.store.x");
    EXPECT_TRUE(files.add("ca_file", "", not_empty)) << "not given";
    const auto added = files.add("ca_file", "/nowhere/ca.crt", not_empty);
    ASSERT_FALSE(added);
    EXPECT_THAT(added.error().message, HasSubstr("election.store.x.ca_file: cannot open /nowhere/ca.crt"));
}

}  // namespace
}  // namespace leasehold::stores
