// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/record_node.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "election/stores/zookeeper/names.h"

namespace leasehold::stores::zookeeper {
namespace {

using CallPointer = EnsembleClient::CallPointer;
using Kind = Operation::Kind;

// Of a znode that was written every millisecond for three weeks.
constexpr std::int32_t kNoVersion = std::numeric_limits<std::int32_t>::max();

// How often what is above is made for one write, while somebody deletes it.
constexpr int kRounds = 3;

template <class Number>
bool take_number(std::string_view& text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

std::string above(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

std::string RecordNode::Tag::text() const { return fmt::format("{} {} {}", version, number, mark); }

std::optional<RecordNode::Tag> RecordNode::Tag::parse(const std::string& text) {
    Tag tag;
    std::string_view rest = text;
    if (!take_number(rest, tag.version) || tag.version < 0 || !rest.starts_with(' ')) return std::nullopt;
    rest.remove_prefix(1);
    if (!take_number(rest, tag.number) || !rest.starts_with(' ')) return std::nullopt;
    tag.mark = rest.substr(1);
    return tag;
}

void RecordNode::read(const CallPointer& call, bool through_quorum, bool watch, Seen seen) {
    if (!through_quorum) return get(call, watch, std::move(seen));
    // Both are sent at once; they are carried out in this order.
    auto barrier = std::make_shared<int>(ZSYSTEMERROR);
    client_.multi(call, {{.kind = Kind::check, .path = path_}}, false,
                  [barrier](const Reply& reply) { *barrier = reply.code; });
    get(call, watch, [barrier, seen = std::move(seen)](State state) {
        const bool passed = *barrier == ZOK || *barrier == ZNONODE || *barrier == ZNOAUTH;
        if (!passed) state.code = *barrier;
        seen(std::move(state));
    });
}

void RecordNode::get(const CallPointer& call, bool watch, Seen seen) {
    client_.get(call, path_, watch, [this, call, watch, seen = std::move(seen)](Reply reply) mutable {
        if (reply.code == ZNONODE && watch) {
            // What is not there is watched for by asking for it in another way; if it came in between, all begins anew.
            return client_.watch_for_existence(call, path_,
                                               [this, call, seen = std::move(seen)](const Reply& existence) mutable {
                                                   if (existence.code == ZOK) return get(call, true, std::move(seen));
                                                   seen({existence.code, {}, {}});
                                               });
        }
        got(call, watch, std::move(reply), std::move(seen));
    });
}

void RecordNode::got(const CallPointer& call, bool watch, Reply reply, Seen seen) {
    if (reply.code != ZOK) return seen({reply.code, {}, {}});
    const NodeState& state = reply.state;
    if (state.created <= 0 || state.modified <= 0) return seen({ZDATAINCONSISTENCY, {}, {}});
    if (state.created != known_.created) return look_for_mark(call, watch, state.created, std::move(seen));
    const auto number = static_cast<std::uint64_t>(state.modified);
    const Tag tag{known_.mark, state.version, number};
    if (known_.mark.empty()) known_ = {};  // it may be given one
    seen({ZOK, std::move(reply.data), {number, tag.text()}});
}

// The record is read again behind the look: if it is still of the same znode, so was the mark.
void RecordNode::look_for_mark(const CallPointer& call, bool watch, std::int64_t created, Seen seen) {
    auto found = std::make_shared<Known>();
    auto looked = std::make_shared<int>(ZSYSTEMERROR);
    client_.children(call, path_, [found, looked, created](const Reply& reply) {
        *looked = reply.code;
        if (reply.code != ZOK) return;
        found->created = created;
        for (const std::string& child : reply.children) {
            if (is_mark(child) && (found->mark.empty() || child < found->mark)) found->mark = child;
        }
    });
    client_.get(call, path_, watch, [this, call, watch, found, looked, seen = std::move(seen)](Reply reply) mutable {
        if (reply.code == ZNONODE) return get(call, watch, std::move(seen));
        if (*looked != ZOK && *looked != ZNONODE) return seen({*looked, {}, {}});
        if (reply.code == ZOK && reply.state.created == found->created) known_ = *found;
        got(call, watch, std::move(reply), std::move(seen));
    });
}

void RecordNode::create(const CallPointer& call, const std::string& text, Done done) {
    create(call, text, kRounds, std::move(done));
}

void RecordNode::create(const CallPointer& call, const std::string& text, int rounds_left, Done done) {
    const std::string mark = new_mark();
    const std::vector<Operation> operations{{.kind = Kind::create, .path = path_},
                                            {.kind = Kind::create, .path = path_ + "/" + mark},
                                            {.kind = Kind::set, .path = path_, .data = text, .version = 0}};
    client_.multi(call, operations, true,
                  [this, call, text, mark, rounds_left, done = std::move(done)](const Reply& reply) mutable {
                      switch (reply.code) {
                          case ZOK: {
                              known_ = {reply.state.created, mark};
                              const auto number = static_cast<std::uint64_t>(reply.state.modified);
                              return done({reply.state.modified > 0 ? ZOK : ZDATAINCONSISTENCY,
                                           false,
                                           {number, Tag{mark, reply.state.version, number}.text()}});
                          }
                          case ZNODEEXISTS: return done({ZNODEEXISTS, true, {}});
                          case ZNONODE:
                              if (rounds_left == 0) return done({ZNONODE, false, {}});
                              return make_ancestors(
                                  call, 0,
                                  [this, call, text, rounds_left, done = std::move(done)](const Written& made) mutable {
                                      if (made.code != ZOK) return done(made);
                                      create(call, text, rounds_left - 1, std::move(done));
                                  });
                          case ZNOAUTH: return done({ZNOAUTH, false, {}, above(path_)});
                          default: return done({reply.code, false, {}});
                      }
                  });
}

// From the lowest that is missing down; who may not make what is there already need not.
void RecordNode::make_ancestors(const CallPointer& call, std::size_t from, Done made) {
    const std::vector<std::string> all = ancestors(path_);
    if (all.empty()) return made({ZNONODE, false, {}});
    const std::string& path = all[all.size() - 1 - std::min(from, all.size() - 1)];
    client_.create_node(call, path,
                        [this, call, from, path, count = all.size(), made = std::move(made)](const Reply& reply) {
                            if (reply.code == ZNONODE && from + 1 < count) return make_ancestors(call, from + 1, made);
                            if (reply.code == ZNOAUTH) return made({ZNOAUTH, false, {}, above(path)});
                            if (reply.code != ZOK && reply.code != ZNODEEXISTS) return made({reply.code, false, {}});
                            if (from == 0) return made({ZOK, false, {}});
                            make_ancestors(call, from - 1, made);
                        });
}

void RecordNode::update(const CallPointer& call, const election::Version& expected, const std::string& text,
                        Done done) {
    const auto tag = Tag::parse(expected.tag);
    if (!tag || tag->number != expected.number) return update_nothing(call, std::move(done));
    if (tag->mark.empty()) return update_unmarked(call, *tag, text, std::move(done));
    update_marked(call, *tag, text, std::move(done));
}

void RecordNode::update_marked(const CallPointer& call, const Tag& expected, const std::string& text, Done done) {
    const std::vector<Operation> operations{
        {.kind = Kind::check, .path = path_ + "/" + expected.mark},
        {.kind = Kind::set, .path = path_, .data = text, .version = expected.version}};
    client_.multi(call, operations, true, [this, mark = expected.mark, done = std::move(done)](const Reply& reply) {
        if (reply.code == ZOK) {
            const auto number = static_cast<std::uint64_t>(reply.state.modified);
            return done({reply.state.modified > 0 ? ZOK : ZDATAINCONSISTENCY,
                         false,
                         {number, Tag{mark, reply.state.version, number}.text()}});
        }
        const bool conflict = reply.code == ZNONODE || reply.code == ZBADVERSION;
        if (conflict) known_ = {};  // the mark may be what is missing
        done({reply.code, conflict, {}});
    });
}

void RecordNode::update_unmarked(const CallPointer& call, const Tag& expected, const std::string& text, Done done) {
    const std::string mark = new_mark();
    const std::vector<Operation> operations{{.kind = Kind::check, .path = path_, .version = expected.version},
                                            {.kind = Kind::create, .path = path_ + "/" + mark}};
    client_.multi(call, operations, false,
                  [this, call, expected, text, mark, done = std::move(done)](const Reply& reply) mutable {
                      if (reply.code != ZOK) {
                          return done({reply.code, reply.code == ZNONODE || reply.code == ZBADVERSION, {}});
                      }
                      client_.get(
                          call, path_, false,
                          [this, call, expected, text, mark, done = std::move(done)](const Reply& now) mutable {
                              const bool gone = now.code == ZNONODE;
                              if (now.code != ZOK) return done({now.code, gone, {}});
                              const bool same = now.state.version == expected.version &&
                                                now.state.modified == static_cast<std::int64_t>(expected.number);
                              if (!same) return done({ZBADVERSION, true, {}});
                              known_ = {};
                              update_marked(call, {mark, expected.version, expected.number}, text, std::move(done));
                          });
                  });
}

// No state has this version. It is still tried, in ways that cannot succeed, so that whoever may not write is told so.
void RecordNode::update_nothing(const CallPointer& call, Done done) {
    const std::vector<Operation> replacement{{.kind = Kind::set, .path = path_, .version = kNoVersion}};
    client_.multi(call, replacement, false, [this, call, done = std::move(done)](const Reply& reply) mutable {
        if (reply.code == ZNONODE) return create_nothing(call, 0, std::move(done));
        done({reply.code, reply.code == ZBADVERSION, {}});
    });
}

// `missing`: how many of the znodes above would have to be made.
void RecordNode::create_nothing(const CallPointer& call, std::size_t missing, Done done) {
    std::vector<std::string> paths = ancestors(path_);
    const std::size_t count = paths.size();
    paths.push_back(path_);
    paths.erase(paths.begin(), paths.begin() + static_cast<std::ptrdiff_t>(count - missing));
    std::vector<Operation> creation;
    for (const std::string& path : paths) creation.push_back({.kind = Kind::create, .path = path});
    creation.push_back({.kind = Kind::check, .path = path_, .version = kNoVersion});
    const std::string highest = above(paths.front());
    client_.multi(call, creation, false,
                  [this, call, missing, count, highest, done = std::move(done)](const Reply& reply) mutable {
                      if (reply.code == ZNONODE && missing < count) {
                          return create_nothing(call, missing + 1, std::move(done));
                      }
                      if (reply.code == ZNOAUTH) return done({ZNOAUTH, false, {}, highest});
                      const bool conflict =
                          reply.code == ZBADVERSION || reply.code == ZNONODE || reply.code == ZNODEEXISTS;
                      done({reply.code, conflict, {}});
                  });
}

}  // namespace leasehold::stores::zookeeper
