// SPDX-License-Identifier: Apache-2.0
//
// The texts behind a ClusterTarget, kept up to date: the files among them are read again when they change.
//
// Threads: any, one at a time. Blocking: reads small local files.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "election/stores/http/client.h"
#include "election/stores/kubernetes/cluster_target.h"
#include "election/stores/watched_file.h"

namespace leasehold::stores::kubernetes {

class LiveCredentials {
public:
    // Reads everything; fails when something is missing or unusable from the start.
    static Result<std::unique_ptr<LiveCredentials>> open(ClusterTarget target);

    void check(bool whatever);  // as WatchedFile::check()

    const ClusterTarget& target() const { return target_; }
    http::Peer peer() const;            // without the plugin's part
    std::string authorization() const;  // the same
    std::string problem() const;        // of all files; empty: none

private:
    // One text of the target.
    class Part {
    public:
        Part(const TextOrFile& from, WatchedFile::Accept accept);
        void check(bool whatever);
        const std::string& text() const;
        std::string problem() const;

    private:
        std::string text_;
        std::optional<WatchedFile> file_;
    };

    explicit LiveCredentials(ClusterTarget target);

    ClusterTarget target_;
    Part ca_;
    Part token_;
    Part certificate_;
    Part key_;
};

}  // namespace leasehold::stores::kubernetes
