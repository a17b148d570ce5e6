// SPDX-License-Identifier: Apache-2.0
//
// The files that a store's configuration names: certificates, passwords, tokens. They are replaced while we run.
//
// Threads: the loop's. Blocking: reads small local files.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "election/stores/http/client.h"
#include "election/stores/watched_file.h"

namespace leasehold::stores {

class PeerFiles {
public:
    explicit PeerFiles(std::string section) : section_(std::move(section)) {}  // "election.store.etcd", for people

    // Nothing when `path` is empty. Fails when the file cannot be read, or does not hold what is `accept`ed; the error
    // names the key.
    Result<void> add(const std::string& key, const std::string& path, WatchedFile::Accept accept);
    Result<void> add_certificates(const std::string& ca_file, const std::string& cert_file,
                                  const std::string& key_file);  // under these names

    // What the file held last that was accepted; empty when there is no such file.
    std::string text(const std::string& key) const;
    http::Peer peer(const std::string& url) const;  // with the certificates

    // Reads again what has changed. What will not do is told once, and what was there before stays in use.
    void refresh();

private:
    struct File {
        std::string key;
        WatchedFile file;
    };

    const std::string section_;
    std::vector<File> files_;
    std::string problem_;  // as last told
};

}  // namespace leasehold::stores
