// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/multi.h"

#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "election/stores/http/transfer.h"

namespace leasehold::stores::http {

Result<std::shared_ptr<Multi>> Multi::create(EventLoop& loop, const CurlLibrary& library, Endpoint endpoint) {
    std::shared_ptr<Multi> multi(new Multi(loop, library, std::move(endpoint)));
    if (auto done = multi->set_up(); !done) return tl::unexpected<Error>(done.error());
    return multi;
}

Result<void> Multi::set_up() {
    auto timer = Timer::create(loop_, [this] { act(CURL_SOCKET_TIMEOUT, 0); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    timer_ = std::move(*timer);
    sessions_ = library_.share_init();
    multi_ = library_.multi_init();
    if (sessions_ == nullptr || multi_ == nullptr) return failure("libcurl has no memory");
    // Easy handles live for one request; their TLS sessions are to be resumed by the next.
    const bool shares = library_.share_setopt(sessions_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK;
    // A watch, a request about the lock, and what is said besides.
    constexpr long kKeptConnections = 4;
    const auto set = [this](CURLMoption option, auto value) {
        return library_.multi_setopt(multi_, option, value) == CURLM_OK;
    };
    if (!shares || !set(CURLMOPT_SOCKETFUNCTION, &socket_callback) || !set(CURLMOPT_SOCKETDATA, this) ||
        !set(CURLMOPT_TIMERFUNCTION, &timer_callback) || !set(CURLMOPT_TIMERDATA, this) ||
        !set(CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING}) || !set(CURLMOPT_MAXCONNECTS, kKeptConnections)) {
        return failure("libcurl cannot be set up");
    }
    return {};
}

Multi::~Multi() {
    if (multi_ != nullptr) library_.multi_cleanup(multi_);
    if (sessions_ != nullptr) library_.share_cleanup(sessions_);
}

void Multi::apply(Easy& easy) {
    http::apply(endpoint_, easy);
    easy.set<CURLOPT_SHARE>(sessions_);
    easy.set<CURLOPT_CLOSESOCKETFUNCTION>(&close_callback);
    easy.set<CURLOPT_CLOSESOCKETDATA>(this);
}

CURLMcode Multi::add(Easy& easy) { return library_.multi_add_handle(multi_, easy.handle()); }

void Multi::remove(Easy& easy) {
    if (const CURLMcode code = library_.multi_remove_handle(multi_, easy.handle()); code != CURLM_OK) {
        log::error("libcurl does not let a request go: {}", library_.multi_strerror(code));
    }
}

void Multi::act(int fd, int events) {
    const auto self = shared_from_this();  // an owner may drop all others
    int running = 0;
    if (const CURLMcode code = library_.multi_socket_action(multi_, fd, events, &running); code != CURLM_OK) {
        log::error("libcurl does not go on: {}", library_.multi_strerror(code));
    }
    for (const auto& attempt : std::exchange(failed_attempts_, {})) {
        if (const auto transfer = attempt.lock()) transfer->go_on();
    }
    settle();
}

void Multi::settle() {
    int left = 0;
    while (const CURLMsg* message = library_.multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        char* transfer = nullptr;
        library_.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        // The message is gone after this.
        reinterpret_cast<Transfer*>(transfer)->complete(code);
    }
    for (const auto& transfer : std::exchange(noted_, {})) transfer->deliver();
}

void Multi::on_socket(int fd, int what) {
    if (what == CURL_POLL_REMOVE) return forget(fd);
    UniqueFd& watched = watched_[fd];
    if (!watched) watched.reset(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    const std::uint32_t in = (what & CURL_POLL_IN) != 0 ? std::uint32_t{EPOLLIN} : 0;
    const std::uint32_t out = (what & CURL_POLL_OUT) != 0 ? std::uint32_t{EPOLLOUT} : 0;
    auto done = loop_.watch(watched.get(), in | out, [this, fd](std::uint32_t events) {
        // Errors come with their reason when libcurl finds out by itself.
        const bool plain = (events & (EPOLLERR | EPOLLHUP)) == 0;
        const int readable = (events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0;
        const int writable = (events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
        act(fd, plain ? readable | writable : 0);
    });
    // The request then runs into its deadline.
    if (!done) log::error("a connection cannot be watched: {}", done.error().message);
}

void Multi::forget(int fd) {
    if (const auto watched = watched_.extract(fd)) loop_.unwatch(watched.mapped().get());
    if (auto attempt = attempts_.extract(fd)) failed_attempts_.push_back(std::move(attempt.mapped()));
}

// An attempt to connect that libcurl gives up is closed first and taken from us afterwards (curl/lib/cf-socket.c,
// cf_socket_close()). If the next attempt had the same number meanwhile, libcurl would think that we watch it already.
int Multi::open_socket(const curl_sockaddr& address, std::weak_ptr<Transfer> attempt) {
    UniqueFd fd(::socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol));
    if (fd && watched_.contains(fd.get())) {
        fd = UniqueFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, watched_.rbegin()->first + 1));
    }
    if (fd) attempts_[fd.get()] = std::move(attempt);
    return fd.release();
}

void Multi::on_timer(long milliseconds) {
    if (milliseconds < 0) return timer_->disarm();
    timer_->arm_in(std::chrono::milliseconds(milliseconds));
}

int Multi::socket_callback(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
    static_cast<Multi*>(self)->on_socket(fd, what);
    return 0;
}

int Multi::timer_callback(CURLM*, long milliseconds, void* self) noexcept {
    static_cast<Multi*>(self)->on_timer(milliseconds);
    return 0;
}

int Multi::close_callback(void* self, curl_socket_t fd) noexcept {
    static_cast<Multi*>(self)->forget(fd);  // whatever libcurl has said: its number is free after this
    return ::close(fd);
}

}  // namespace leasehold::stores::http
