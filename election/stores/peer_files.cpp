// SPDX-License-Identifier: Apache-2.0
#include "election/stores/peer_files.h"

#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores {

Result<void> PeerFiles::add(const std::string& key, const std::string& path, WatchedFile::Accept accept) {
    if (path.empty()) return {};
    WatchedFile& file = files_.emplace_back(File{key, WatchedFile(path, std::move(accept))}).file;
    file.check();
    if (!file.value()) return failure(fmt::format("{}.{}: {}", section_, key, file.problem()));
    return {};
}

Result<void> PeerFiles::add_certificates(const std::string& ca_file, const std::string& cert_file,
                                         const std::string& key_file) {
    auto done = add("ca_file", ca_file, accept_certificates);
    if (done) done = add("cert_file", cert_file, accept_certificates);
    if (done) done = add("key_file", key_file, accept_private_key);
    return done;
}

std::string PeerFiles::text(const std::string& key) const {
    for (const File& each : files_) {
        if (each.key == key) return each.file.value().value_or("");
    }
    return "";
}

http::Peer PeerFiles::peer(const std::string& url) const {
    http::Peer peer;
    peer.base_url = url;
    peer.ca_pem = text("ca_file");
    peer.certificate_pem = text("cert_file");
    peer.key_pem = text("key_file");
    return peer;
}

void PeerFiles::refresh() {
    std::string problem;
    for (File& each : files_) {
        each.file.check();
        if (problem.empty() && !each.file.problem().empty()) {
            problem = fmt::format("{}.{}: {}", section_, each.key, each.file.problem());
        }
    }
    if (problem != problem_ && !problem.empty()) log::warn("{}; going on with what it held before", problem);
    problem_ = problem;
}

}  // namespace leasehold::stores
