// SPDX-License-Identifier: Apache-2.0
//
// The register in one znode: how it is read, written and told from others at the same place.
//
// ZooKeeper compares nothing but a znode's version, a count that begins anew when the znode is deleted and made again,
// by whomever, above it too. So the znode of a record has a child that is made in the same transaction, a mark, with a
// name that nobody chooses twice. A znode can only be deleted once it has no children: where the mark still is, the
// znode was not replaced, and its version has only grown.
//
//   create   multi: create the znode, create its mark, set the record
//   update   multi: check that the mark is there, set the record if the version is the expected one
//   read     multi: check the znode, whatever comes of it; get it
//
// A multi is all or nothing, and goes through a quorum even when a comparison fails, so what is got behind one is as
// new as the call; a sync is no such proof (ZooKeeper's zookeeperInternals.md, "Consistency Guarantees").
//
// The mark is looked up when the znode is another one than last time, told by the transaction that made it (czxid): it
// belongs to that one if the znode is still the same after the look. A znode without a mark was made by somebody else.
// To replace its record, it is given a mark first; then it is read again, and only if it is still in the expected state
// it is updated as above.
//
// Version: the number is the transaction that wrote the record last (mzxid), which grows over deletion and re-creation,
// and goes back when an ensemble is restored from a backup. The tag is what an update compares: mark and version of the
// znode; and the number again, so that a number that does not belong to them conflicts. An absence has neither.
//
// Threads: the loop's. Never blocks. Every function calls back at most once, and not if the call is lost or begun
// again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "election/core/register.h"
#include "election/stores/zookeeper/ensemble_client.h"

namespace leasehold::stores::zookeeper {

class RecordNode {
public:
    // What stands there. `code` is ZOK, ZNONODE, or why it is not known.
    struct State {
        int code = 0;
        std::string text;
        election::Version version;
    };
    using Seen = std::function<void(State)>;

    struct Written {
        int code = 0;           // ZOK; or that of a server that did nothing
        bool conflict = false;  // then because the record is not in the expected state
        election::Version version;
        std::string refused_below{};  // the znode below which nothing may be made, if that is what was refused
    };
    using Done = std::function<void(Written)>;

    // `client` outlives this.
    RecordNode(EnsembleClient& client, std::string path) : client_(client), path_(std::move(path)) {}

    const std::string& path() const { return path_; }

    // `through_quorum`: as new as the call. `watch`: the next change is told by the client.
    void read(const EnsembleClient::CallPointer& call, bool through_quorum, bool watch, Seen seen);
    void create(const EnsembleClient::CallPointer& call, const std::string& text, Done done);
    // An expected version that no znode has is a conflict, or refused as a write would be.
    void update(const EnsembleClient::CallPointer& call, const election::Version& expected, const std::string& text,
                Done done);

private:
    struct Known {  // which mark belongs to which znode
        std::int64_t created = 0;
        std::string mark;
    };
    struct Tag {
        std::string mark;  // empty: the znode has none
        std::int32_t version = 0;
        std::uint64_t number = 0;

        std::string text() const;
        static std::optional<Tag> parse(const std::string& text);
    };

    void get(const EnsembleClient::CallPointer& call, bool watch, Seen seen);
    void got(const EnsembleClient::CallPointer& call, bool watch, Reply reply, Seen seen);
    void look_for_mark(const EnsembleClient::CallPointer& call, bool watch, std::int64_t created, Seen seen);
    void create(const EnsembleClient::CallPointer& call, const std::string& text, int rounds_left, Done done);
    void make_ancestors(const EnsembleClient::CallPointer& call, std::size_t from, Done made);
    void update_marked(const EnsembleClient::CallPointer& call, const Tag& expected, const std::string& text,
                       Done done);
    void update_unmarked(const EnsembleClient::CallPointer& call, const Tag& expected, const std::string& text,
                         Done done);
    void update_nothing(const EnsembleClient::CallPointer& call, Done done);
    void create_nothing(const EnsembleClient::CallPointer& call, std::size_t missing, Done done);

    EnsembleClient& client_;
    const std::string path_;
    Known known_;
};

}  // namespace leasehold::stores::zookeeper
