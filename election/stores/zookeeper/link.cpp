// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/link.h"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"

namespace leasehold::stores::zookeeper {
namespace {

// The shortest that a server grants whose tickTime is the default. Its third is how often the client says that it
// lives, two thirds of it how long it waits for the answer. The lease has nothing to do with it.
constexpr int kSessionTimeoutMs = 4000;

// For a server to say who it is.
constexpr Duration kGreetingPatience = std::chrono::seconds(1);

// As in the client's zk_adaptor.h; its header has them only as variables of the library.
constexpr int kSessionEvent = -1;
constexpr int kConnecting = 1;
constexpr int kConnected = 3;
constexpr int kReadOnly = 5;
constexpr int kNotConnected = 999;
constexpr int kExpired = -112;
constexpr int kAuthFailed = -113;

void log_line(const char* line) { log::debug("zookeeper: {}", line); }

// Signals are for other threads; a new one inherits the mask.
class NoSignals {
public:
    NoSignals() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;

private:
    sigset_t before_{};
};

}  // namespace

Result<std::shared_ptr<Link>> Link::open(const ClientLibrary& library, Options options) {
    UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return system_failure("eventfd");
    library.set_log_level(log::enabled(log::Level::debug) ? ZOO_LOG_LEVEL_INFO : ZOO_LOG_LEVEL_ERROR);
    std::shared_ptr<Link> link(new Link(library, std::move(options), std::move(event)));
    const NoSignals during_this;
    ++*link->options_.keepers;
    try {
        std::thread([link] {
            link->keep();
            --*link->options_.keepers;
        }).detach();
    } catch (const std::system_error& error) {
        --*link->options_.keepers;
        return failure(fmt::format("cannot start a thread: {}", error.what()));
    }
    return link;
}

void Link::keep() {
    const Greeting greeting = greet(options_.server, kGreetingPatience, options_.one_of_several);
    if (given_up()) return;
    if (greeting.address.empty()) return put({.problem = greeting.problem});
    put({.kind = Letter::Kind::greeted});
    zhandle_t* handle = library_.init(greeting.address.c_str(), on_session, kSessionTimeoutMs, nullptr, this,
                                      ZOO_NO_LOG_CLIENTENV, log_line);
    if (handle == nullptr) {
        const std::string reason = std::generic_category().message(errno);
        return put({.problem = {"connect", fmt::format("{} cannot be connected to: {}", options_.server, reason)}});
    }
    // The address is a number; it would be looked up with each turn of the client's thread.
    if (library_.set_resolution_delay != nullptr) library_.set_resolution_delay(handle, -1);
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return given_up_; });
    }
    library_.close(handle);  // up to 4.5 s when the server does not answer
}

void Link::on_session(zhandle_t* handle, int type, int state, const char* /*path*/, void* context) {
    Link& link = *static_cast<Link*>(context);
    if (type != kSessionEvent) return;
    const std::string& server = link.options_.server;
    const auto down = [&](const char* label, std::string detail) { link.put({.problem = {label, std::move(detail)}}); };
    switch (state) {
        case kConnected: return link.put({.kind = Letter::Kind::up, .handle = handle});
        case kAuthFailed:
            return down("unauthorized", server + " does not accept what stands in election.store.zookeeper.auth_file");
        case kExpired: return down("session_expired", server + " has ended the session");
        case kReadOnly: return down("unavailable", server + " only lets read: it has no quorum with the others");
        case kConnecting:
        case kNotConnected:
            return down("connection_lost", server + " closed the connection, or went silent for too long");
        default: return;
    }
}

void Link::on_change(zhandle_t* /*handle*/, int type, int /*state*/, const char* /*path*/, void* context) {
    if (type != kSessionEvent) static_cast<Link*>(context)->put({.kind = Letter::Kind::changed});
}

Link::Request& Link::add_request(std::uint64_t id, std::size_t operations) {
    auto request = std::make_unique<Request>();
    request->link = this;
    request->id = id;
    request->results.resize(operations);
    const std::lock_guard guard(mutex_);
    return *(requests_[id] = std::move(request));
}

void Link::answer(Request& request, Reply reply) {
    const std::uint64_t id = request.id;
    {
        const std::lock_guard guard(mutex_);
        requests_.erase(id);
    }
    put({.kind = Letter::Kind::reply, .id = id, .reply = std::move(reply)});
}

void Link::put(Letter letter) {
    const std::lock_guard guard(mutex_);
    letters_.push_back(std::move(letter));
    const std::uint64_t one = 1;
    // Cannot fail but by overflow, and then it is readable anyway.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

std::vector<Letter> Link::take() {
    const std::lock_guard guard(mutex_);
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = ::read(event_.get(), &count, sizeof count);
    return std::exchange(letters_, {});
}

void Link::give_up() {
    const std::lock_guard guard(mutex_);
    given_up_ = true;
    changed_.notify_one();
}

bool Link::given_up() {
    const std::lock_guard guard(mutex_);
    return given_up_;
}

}  // namespace leasehold::stores::zookeeper
