// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/connection.h"

#include <algorithm>
#include <utility>

#include <sys/epoll.h>

#include <fmt/format.h>

#include "base/duration_text.h"

namespace leasehold::stores::zookeeper {
namespace {

constexpr int kAllPermissions = 31;
constexpr Duration kForTheGreeting = std::chrono::milliseconds(1500);  // it ends by itself before, and knows better why
constexpr Duration kMostForTheSession = std::chrono::seconds(3);

Link::Request& request_of(const void* data) { return *static_cast<Link::Request*>(const_cast<void*>(data)); }

void reply(const void* data, Reply reply) {
    Link::Request& request = request_of(data);
    request.link->answer(request, std::move(reply));
}

NodeState state_of(const ::Stat* stat) {
    return stat == nullptr ? NodeState{} : NodeState{stat->czxid, stat->mzxid, stat->version};
}

// The library's calls back, on its thread.
void on_data(int code, const char* value, int size, const ::Stat* stat, const void* data) {
    std::string text;
    if (value != nullptr && size > 0) text.assign(value, static_cast<std::size_t>(size));
    reply(data, {.code = code, .data = std::move(text), .state = state_of(stat)});
}

void on_stat(int code, const ::Stat* stat, const void* data) {
    reply(data, {.code = code, .data = {}, .state = state_of(stat)});
}

void on_strings(int code, const String_vector* strings, const void* data) {
    Reply answer{.code = code, .data = {}};
    for (int i = 0; strings != nullptr && i < strings->count; ++i) answer.children.emplace_back(strings->data[i]);
    reply(data, std::move(answer));
}

void on_string(int code, const char* /*path*/, const void* data) { reply(data, {.code = code, .data = {}}); }

void on_multi(int code, const void* data) {
    const NodeState state = state_of(&request_of(data).stat);
    reply(data, {.code = code, .data = {}, .state = state});
}

// What came of it is told as the state of the session.
void on_authentication(int /*code*/, const void* /*data*/) {}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(EventLoop& loop, const ClientLibrary& library, Target target,
                                                     Events events) {
    std::unique_ptr<Connection> connection(new Connection(loop, library, std::move(target), std::move(events)));
    const Target& to = connection->target_;
    auto link = Link::open(library, {.server = to.server, .one_of_several = to.one_of_several, .keepers = to.keepers});
    if (!link) return tl::unexpected<Error>(link.error());
    connection->link_ = std::move(*link);
    auto timer = Timer::create(loop, [raw = connection.get()] { raw->out_of_patience(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    connection->patience_ = std::move(*timer);
    auto watched = loop.watch(connection->link_->fd(), EPOLLIN, [raw = connection.get()](auto) { raw->take(); });
    if (!watched) return tl::unexpected<Error>(watched.error());
    connection->patience_->arm_in(to.patience + kForTheGreeting);
    return connection;
}

Connection::~Connection() {
    *alive_ = false;
    if (!link_) return;
    loop_.unwatch(link_->fd());
    link_->give_up();
}

void Connection::out_of_patience() {
    if (!greeted_) return down({"timeout", fmt::format("the address of {} was not found in time", target_.server)});
    const Duration patience = std::min(target_.patience, kMostForTheSession);
    down({"timeout", fmt::format("{} makes no session within {}", target_.server, to_text(patience))});
}

void Connection::take() {
    const std::shared_ptr<bool> alive = alive_;
    for (Letter& letter : link_->take()) {
        deliver(letter);
        if (!*alive) return;
    }
}

void Connection::deliver(Letter& letter) {
    if (is_down_) return;
    switch (letter.kind) {
        case Letter::Kind::greeted: {
            greeted_ = true;
            return patience_->arm_in(std::min(target_.patience, kMostForTheSession));
        }
        case Letter::Kind::up: {
            if (handle_ != nullptr) return;
            handle_ = letter.handle;
            patience_->disarm();
            authenticate();
            const auto up = events_.up;  // survives this
            return up();
        }
        case Letter::Kind::down: return down(std::move(letter.problem));
        case Letter::Kind::changed: {
            const auto changed = events_.changed;
            return changed();
        }
        case Letter::Kind::reply: {
            const auto found = answers_.find(letter.id);
            if (found == answers_.end()) return;
            const Answer answer = std::move(found->second);
            answers_.erase(found);
            return answer(std::move(letter.reply));
        }
    }
}

void Connection::down(Problem problem) {
    if (std::exchange(is_down_, true)) return;
    patience_->disarm();
    const auto told = events_.down;
    told(std::move(problem));
}

// Goes before all requests on the same connection.
void Connection::authenticate() {
    if (target_.scheme.empty()) return;
    const int code = library_.add_auth(handle_, target_.scheme.c_str(), target_.credential.data(),
                                       static_cast<int>(target_.credential.size()), on_authentication, nullptr);
    if (code == ZOK) return;
    link_->put({.problem = {"connection_lost", target_.server + " closed the connection at once"}});
}

// Whoever has authenticated may do everything, and nobody else anything; without a credential everybody may.
ACL_vector Connection::acl() const {
    static char world[] = "world";
    static char anyone[] = "anyone";
    static char auth[] = "auth";
    static char nobody[] = "";
    static ACL open{kAllPermissions, {world, anyone}};
    static ACL creator{kAllPermissions, {auth, nobody}};
    return {1, target_.scheme.empty() ? &open : &creator};
}

Link::Request& Connection::new_request(Answer answer, std::size_t operations) {
    const std::uint64_t id = ++last_id_;
    answers_[id] = std::move(answer);
    return link_->add_request(id, operations);
}

// What the library refuses at once has no call back.
void Connection::sent(Link::Request& request, int code) {
    if (code != ZOK) link_->answer(request, {.code = code, .data = {}});
}

void Connection::get(const std::string& path, bool watch, Answer answer) {
    Link::Request& request = new_request(std::move(answer));
    sent(request, watch ? library_.get_watched(handle_, path.c_str(), Link::on_change, link_.get(), on_data, &request)
                        : library_.get(handle_, path.c_str(), 0, on_data, &request));
}

void Connection::watch_for_existence(const std::string& path, Answer answer) {
    Link::Request& request = new_request(std::move(answer));
    sent(request, library_.exists_watched(handle_, path.c_str(), Link::on_change, link_.get(), on_stat, &request));
}

void Connection::children(const std::string& path, Answer answer) {
    Link::Request& request = new_request(std::move(answer));
    sent(request, library_.children(handle_, path.c_str(), 0, on_strings, &request));
}

void Connection::create(const std::string& path, Answer answer) {
    Link::Request& request = new_request(std::move(answer));
    const ACL_vector who = acl();
    sent(request, library_.create(handle_, path.c_str(), "", 0, &who, 0, on_string, &request));
}

void Connection::multi(const std::vector<Operation>& operations, Answer answer) {
    Link::Request& request = new_request(std::move(answer), operations.size());
    const ACL_vector who = acl();
    std::vector<zoo_op_t> list(operations.size());
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const Operation& op = operations[i];
        const auto size = static_cast<int>(op.data.size());
        switch (op.kind) {
            case Operation::Kind::create:
                library_.create_op(&list[i], op.path.c_str(), op.data.data(), size, &who, 0, nullptr, 0);
                break;
            case Operation::Kind::set:
                library_.set_op(&list[i], op.path.c_str(), op.data.data(), size, op.version, &request.stat);
                break;
            case Operation::Kind::check: library_.check_op(&list[i], op.path.c_str(), op.version); break;
        }
    }
    sent(request, library_.multi(handle_, static_cast<int>(list.size()), list.data(), request.results.data(), on_multi,
                                 &request));
}

}  // namespace leasehold::stores::zookeeper
