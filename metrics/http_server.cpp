// SPDX-License-Identifier: Apache-2.0
//
// libmicrohttpd parses and answers; sockets are accepted, counted and timed here. It is given no listening socket,
// because it would stop accepting at its connection limit, and no timeout, because every byte that a client drips
// would start that anew.
#include "metrics/http_server.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/connection_table.h"
#include "metrics/http_exchange.h"
#include "metrics/microhttpd_library.h"

namespace leasehold::metrics {
namespace {

// Connections taken in one go before everything else on the loop gets its turn.
constexpr int kAcceptsAtOnce = 16;

// How often at most it is asked whether there is another certificate.
constexpr Duration kIdentityPeriod = std::chrono::seconds(1);

// How long to leave newcomers in the kernel's queue when no descriptor or memory is left for them.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

void log_library(void*, const char* format, va_list arguments) {
    if (!log::enabled(log::Level::debug)) return;
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    std::string_view text = line;
    while (text.ends_with('\n')) text.remove_suffix(1);
    log::debug("http: {}", text);
}

// The library has found its own state corrupt; going on "is never safe", as its manual says.
[[noreturn]] void panic(void*, const char* file, unsigned line, const char* reason) {
    log::error("http: libmicrohttpd is broken at {}:{}: {}", file, line, reason == nullptr ? "" : reason);
    std::abort();
}

// As MHD_OPTION_ARRAY. The identity must live until the daemon has started.
std::vector<MHD_OptionItem> tls_options(const TlsIdentity* identity) {
    std::vector<MHD_OptionItem> options;
    const auto add = [&options](MHD_OPTION option, const std::string& text) {
        options.push_back({option, 0, const_cast<char*>(text.c_str())});
    };
    static const std::string priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";
    if (identity != nullptr) {
        add(MHD_OPTION_HTTPS_MEM_CERT, identity->certificates);
        add(MHD_OPTION_HTTPS_MEM_KEY, identity->key);
        add(MHD_OPTION_HTTPS_PRIORITIES, priorities);
    }
    options.push_back({MHD_OPTION_END, 0, nullptr});
    return options;
}

MHD_Result refuse_all(void*, MHD_Connection*, const char*, const char*, const char*, const char*, std::size_t*,
                      void**) {
    return MHD_NO;
}

class Server final : public HttpServer {
public:
    Server(EventLoop& loop, std::vector<UniqueFd> listeners, Handler handler, const HttpLimits& limits, TlsSource tls)
        : loop_(loop),
          listeners_(std::move(listeners)),
          handler_(std::move(handler)),
          tls_(std::move(tls)),
          limits_(limits),
          table_({limits.request_time, limits.response_time, limits.idle_time}) {}
    ~Server() override;

    Result<void> begin();

private:
    Result<void> start_daemon(const TlsIdentity* identity);
    void stop_daemon();
    void look_for_tls_identity();
    Result<void> watch_listeners();
    void pause_accepting();
    void on_acceptable(int listener);
    bool accept_one(int listener);
    bool accept_failed(int code);
    void make_room_for(const sockaddr* newcomer);
    bool end(std::optional<int> connection);
    void drop(int fd);
    void serve();
    void set_timer();
    void on_timer();

    MHD_Result on_request(MHD_Connection* connection, const char* url, const char* method);
    void on_connection(MHD_Connection* connection, void** context, MHD_ConnectionNotificationCode code);
    void on_completed(MHD_Connection* connection);

    EventLoop& loop_;
    std::vector<UniqueFd> listeners_;
    Handler handler_;
    TlsSource tls_;  // empty: none
    HttpLimits limits_;
    ConnectionTable table_;
    MHD_Daemon* daemon_ = nullptr;  // nothing: TLS, of which there is no usable identity yet
    int daemon_fd_ = -1;            // the library's epoll descriptor
    std::optional<Instant> looked_for_identity_;
    std::unique_ptr<Timer> timer_;
    bool accepting_ = false;
    bool complained_ = false;  // that no connection can be accepted; none was since
};

// What the library keeps for a connection: a pointer to its handle in the table.
ConnectionTable::Handle* handle_of(MHD_Connection* connection) {
    const auto* info = mhd().get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == nullptr ? nullptr : static_cast<ConnectionTable::Handle*>(info->socket_context);
}

Server::~Server() {
    for (const UniqueFd& listener : listeners_) loop_.unwatch(listener.get());
    stop_daemon();
}

Result<void> Server::begin() {
    auto timer = Timer::create(loop_, [this] { on_timer(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    timer_ = std::move(*timer);
    mhd().set_panic_func(&panic, nullptr);
    if (tls_) {
        look_for_tls_identity();
    } else if (auto started = start_daemon(nullptr); !started) {
        return started;
    }
    return watch_listeners();
}

void Server::stop_daemon() {
    if (daemon_ == nullptr) return;
    if (daemon_fd_ >= 0) loop_.unwatch(daemon_fd_);
    mhd().stop_daemon(daemon_);
    daemon_ = nullptr;
    daemon_fd_ = -1;
}

// With another identity the library has to be begun anew, which ends its connections: clients make new ones. With one
// that will not do it goes on as it is.
void Server::look_for_tls_identity() {
    if (looked_for_identity_ && elapsed_at_most(*looked_for_identity_, now()) < kIdentityPeriod) return;
    looked_for_identity_ = now();
    const std::optional<TlsIdentity> identity = tls_();
    if (!identity) return;
    if (auto usable = try_tls_identity(*identity); !usable) {
        log::error("http: {}; {}", usable.error().message,
                   daemon_ == nullptr ? "nobody is answered" : "the old one stays");
        return;
    }
    if (daemon_ != nullptr) log::info("http: the certificate or its key has changed, and is in use from now on");
    stop_daemon();
    if (auto started = start_daemon(&*identity); !started) log::error("{}", started.error().message);
}

Result<void> Server::start_daemon(const TlsIdentity* identity) {
    const MHD_AccessHandlerCallback answer = [](void* self, MHD_Connection* connection, const char* url,
                                                const char* method, const char*, const char*, std::size_t*,
                                                void** seen) {
        // The first call comes after the header, the next after the body. An answer on the first one makes the library
        // end the connection, which is right for a request with a body: nobody reads it here.
        const bool first = std::exchange(*seen, self) == nullptr;
        if (first && !announces_body(connection)) return MHD_YES;
        return static_cast<Server*>(self)->on_request(connection, url, method);
    };
    const MHD_NotifyConnectionCallback notify = [](void* self, MHD_Connection* connection, void** context,
                                                   MHD_ConnectionNotificationCode code) {
        static_cast<Server*>(self)->on_connection(connection, context, code);
    };
    const MHD_RequestCompletedCallback completed = [](void* self, MHD_Connection* connection, void**,
                                                      MHD_RequestTerminationCode) {
        static_cast<Server*>(self)->on_completed(connection);
    };
    std::vector<MHD_OptionItem> tls = tls_options(identity);
    const unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
    daemon_ = mhd().start_daemon(identity == nullptr ? flags : flags | MHD_USE_TLS, 0, nullptr, nullptr,  //
                                 answer, this,                                                            //
                                 MHD_OPTION_EXTERNAL_LOGGER, &log_library, static_cast<void*>(nullptr),   //
                                 MHD_OPTION_ARRAY, tls.data(),                                            //
                                 MHD_OPTION_CONNECTION_LIMIT, limits_.connections,                        //
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits_.connection_memory,           //
                                 MHD_OPTION_NOTIFY_CONNECTION, notify, static_cast<void*>(this),          //
                                 MHD_OPTION_NOTIFY_COMPLETED, completed, static_cast<void*>(this),        //
                                 MHD_OPTION_END);
    if (daemon_ == nullptr) return failure("the HTTP server cannot be started: libmicrohttpd refused", errno);
    const auto* info = mhd().get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == nullptr || info->epoll_fd < 0) return failure("the HTTP server cannot be started: it has no epoll");
    daemon_fd_ = info->epoll_fd;
    return loop_.watch(daemon_fd_, EPOLLIN, [this](std::uint32_t) { serve(); });
}

Result<void> Server::watch_listeners() {
    for (const UniqueFd& listener : listeners_) {
        const int fd = listener.get();
        if (auto watched = loop_.watch(fd, EPOLLIN, [this, fd](std::uint32_t) { on_acceptable(fd); }); !watched) {
            return watched;
        }
    }
    accepting_ = true;
    return {};
}

void Server::on_acceptable(int listener) {
    for (int i = 0; i < kAcceptsAtOnce && accepting_; ++i) {
        if (!accept_one(listener)) break;
    }
    serve();
}

// Returns whether it makes sense to try again at once.
bool Server::accept_one(int listener) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    auto* address = reinterpret_cast<sockaddr*>(&peer);
    UniqueFd fd(accept4(listener, address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return accept_failed(errno);
    complained_ = false;
    if (tls_) look_for_tls_identity();
    if (daemon_ == nullptr) return true;  // the connection is closed
    make_room_for(address);
    if (mhd().add_connection(daemon_, fd.release(), address, length) != MHD_YES) {  // closes it in any case
        log::debug("http: a connection was refused: {}", std::generic_category().message(errno));
    }
    return true;
}

bool Server::accept_failed(int code) {
    if (code == EAGAIN || code == EWOULDBLOCK) return false;
    if (code == EINTR || code == ECONNABORTED) return true;
    if (!std::exchange(complained_, true)) {
        log::warn("http: cannot accept connections: {}; trying again", std::generic_category().message(code));
    }
    const bool out_of_resources = code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
    if (out_of_resources && end(table_.end_longest())) return true;
    pause_accepting();  // the listener stays readable, so the loop would spin
    return false;
}

// Parts with the connection that has waited for the longest time among those that a newcomer would make too many of.
void Server::make_room_for(const sockaddr* newcomer) {
    const std::uint64_t peer = peer_of(newcomer);
    if (table_.count_of(peer) >= limits_.connections_of_a_peer) end(table_.end_longest_of(peer));
    if (table_.size() >= limits_.connections) end(table_.end_longest());
    if (tls_ && table_.count_without_request() >= limits_.handshakes) end(table_.end_longest_without_request());
}

// Returns whether there was one.
bool Server::end(std::optional<int> connection) {
    if (!connection) return false;
    drop(*connection);
    mhd().run(daemon_);
    return true;
}

// The library sees the end of the connection and closes it in its next run.
void Server::drop(int fd) {
    if (shutdown(fd, SHUT_RDWR) != 0 && errno != ENOTCONN) {
        log::warn("http: cannot end a connection: {}", std::generic_category().message(errno));
    }
}

void Server::pause_accepting() {
    for (const UniqueFd& listener : listeners_) loop_.unwatch(listener.get());
    accepting_ = false;
}

void Server::serve() {
    if (daemon_ != nullptr) mhd().run(daemon_);
    set_timer();
}

void Server::set_timer() {
    MHD_UNSIGNED_LONG_LONG library_ms = 0;
    const bool library_waits = daemon_ != nullptr && mhd().get_timeout(daemon_, &library_ms) == MHD_YES;
    std::optional<Duration> next = table_.next_overdue(now());
    const auto no_later_than = [&next](Duration delay) { next = std::min(next.value_or(delay), delay); };
    if (library_waits) no_later_than(std::chrono::milliseconds(library_ms));
    if (!accepting_) no_later_than(kAcceptPause);
    if (next) {
        timer_->arm_in(*next);
    } else {
        timer_->disarm();
    }
}

void Server::on_timer() {
    for (const int fd : table_.end_overdue(now())) drop(fd);
    if (!accepting_) {
        if (auto watched = watch_listeners(); !watched) log::error("http: cannot listen: {}", watched.error().message);
    }
    serve();
}

MHD_Result Server::on_request(MHD_Connection* connection, const char* url, const char* method) {
    if (auto* handle = handle_of(connection)) table_.enter(*handle, ConnectionTable::Phase::response, now());
    const std::string_view name = method;
    const bool options = name == MHD_HTTP_METHOD_OPTIONS;
    try {
        if (name != MHD_HTTP_METHOD_GET && name != MHD_HTTP_METHOD_HEAD && !options) {
            const std::string text = std::string("only ") + kAllowedMethods + " are served here\n";
            return send_response(connection, {.status = 405, .body = text}, true, true);
        }
        if (announces_body(connection)) {
            return send_response(connection, {.status = 413, .body = "no request with a body is served here\n"},
                                 !options, false);
        }
        return send_response(connection, handler_(describe_request(connection, url, method)), !options, options);
    } catch (const std::exception& problem) {  // must not pass through the library's C frames
        log::error("http: a request could not be answered: {}", problem.what());
        return send_response(connection, {.status = 500, .body = "internal error\n"}, !options, false);
    }
}

void Server::on_connection(MHD_Connection* connection, void** context, MHD_ConnectionNotificationCode code) {
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const auto* info = mhd().get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        const auto* client = mhd().get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const std::uint64_t peer = peer_of(client == nullptr ? nullptr : client->client_addr);
        *context = new ConnectionTable::Handle(table_.add(info->connect_fd, now(), peer));
        return;
    }
    const std::unique_ptr<ConnectionTable::Handle> handle(static_cast<ConnectionTable::Handle*>(*context));
    *context = nullptr;
    if (handle) table_.remove(*handle);
}

void Server::on_completed(MHD_Connection* connection) {
    if (auto* handle = handle_of(connection)) table_.enter(*handle, ConnectionTable::Phase::idle, now());
}

}  // namespace

Result<void> try_tls_identity(const TlsIdentity& identity) {
    const auto library = microhttpd_library();
    if (!library) return tl::unexpected<Error>(library.error());
    if (mhd().is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
        return failure("http.tls: this libmicrohttpd was built without TLS; use one with it, or remove the section");
    }
    const MHD_LogCallback keep = [](void* into, const char* format, va_list arguments) {
        char line[512];
        std::vsnprintf(line, sizeof line, format, arguments);
        std::string& text = *static_cast<std::string*>(into);
        if (text.empty()) text = line;
    };
    std::string said;
    std::vector<MHD_OptionItem> tls = tls_options(&identity);
    MHD_Daemon* daemon = mhd().start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG | MHD_USE_TLS,
                                            0, nullptr, nullptr, &refuse_all, nullptr, MHD_OPTION_EXTERNAL_LOGGER, keep,
                                            static_cast<void*>(&said), MHD_OPTION_ARRAY, tls.data(), MHD_OPTION_END);
    if (daemon != nullptr) {
        mhd().stop_daemon(daemon);
        return {};
    }
    while (said.ends_with('\n') || said.ends_with('.')) said.pop_back();
    return failure("the certificate and the key of http.tls cannot be used together: " +
                   (said.empty() ? "libmicrohttpd refused" : said));
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(EventLoop& loop, std::vector<UniqueFd> listeners, Handler handler,
                                                      HttpLimits limits, TlsSource tls) {
    if (const auto library = microhttpd_library(); !library) return tl::unexpected<Error>(library.error());
    auto server = std::make_unique<Server>(loop, std::move(listeners), std::move(handler), limits, std::move(tls));
    if (auto begun = server->begin(); !begun) return tl::unexpected<Error>(begun.error());
    return server;
}

}  // namespace leasehold::metrics
