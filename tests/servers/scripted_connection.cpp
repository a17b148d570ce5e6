// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/scripted_connection.h"

#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdint>
#include <cstdlib>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace leasehold::servers {
namespace {

std::string subject_of(const ssl_st* tls) {
    const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(tls), X509_free);
    if (certificate == nullptr) return {};
    const std::unique_ptr<BIO, int (*)(BIO*)> memory(BIO_new(BIO_s_mem()), BIO_free);
    X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate.get()), 0, XN_FLAG_RFC2253);
    char* text = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

bool parse_head(std::string_view head, Request& request) {
    const auto line_end = head.find("\r\n");
    const std::string_view first = head.substr(0, line_end);
    const auto method_end = first.find(' ');
    const auto target_end = first.rfind(' ');
    if (method_end == std::string_view::npos || target_end <= method_end) return false;
    request.method = first.substr(0, method_end);
    request.target = first.substr(method_end + 1, target_end - method_end - 1);
    std::string_view rest = line_end == std::string_view::npos ? "" : head.substr(line_end + 2);
    while (!rest.empty()) {
        const auto end = rest.find("\r\n");
        const std::string_view line = rest.substr(0, end);
        rest = end == std::string_view::npos ? "" : rest.substr(end + 2);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return false;
        std::string name(line.substr(0, colon));
        for (char& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
        const auto value = line.find_first_not_of(' ', colon + 1);
        request.headers[name] = value == std::string_view::npos ? "" : line.substr(value);
    }
    return true;
}

}  // namespace

Connection::Connection(int number, UniqueFd fd)
    : number_(number), fd_(std::move(fd)), end_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!end_) std::abort();
}

void Connection::end() { eventfd_write(end_.get(), 1); }

bool Connection::wait(Wish wish) {
    std::array<pollfd, 2> both{
        {{fd_.get(), static_cast<short>(wish == Wish::read ? POLLIN : POLLOUT), 0}, {end_.get(), POLLIN, 0}}};
    while (poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
    }
    return both[1].revents == 0;
}

bool Connection::wait_for_tls(int result) {
    switch (SSL_get_error(tls_.get(), result)) {
        case SSL_ERROR_WANT_READ: return wait(Wish::read);
        case SSL_ERROR_WANT_WRITE: return wait(Wish::write);
        default: return false;
    }
}

std::optional<std::string> Connection::handshake(ssl_ctx_st* context) {
    tls_.reset(SSL_new(context), SSL_free);
    if (tls_ == nullptr || SSL_set_fd(tls_.get(), fd_.get()) != 1) std::abort();
    while (true) {
        ERR_clear_error();
        const int result = SSL_accept(tls_.get());
        if (result == 1) return std::nullopt;
        if (!wait_for_tls(result)) {
            const char* reason = ERR_reason_error_string(ERR_peek_last_error());
            return reason != nullptr ? reason : "the client closed the connection";
        }
    }
}

bool Connection::fill() {
    std::array<char, 16384> buffer{};
    while (true) {
        int count = 0;
        if (tls_ != nullptr) {
            ERR_clear_error();
            count = SSL_read(tls_.get(), buffer.data(), buffer.size());
            if (count <= 0 && wait_for_tls(count)) continue;
        } else {
            count = static_cast<int>(recv(fd_.get(), buffer.data(), buffer.size(), 0));
            if (count < 0 && errno == EAGAIN && wait(Wish::read)) continue;
        }
        if (count <= 0) return false;
        input_.append(buffer.data(), static_cast<std::size_t>(count));
        return true;
    }
}

std::optional<Request> Connection::read_request() {
    std::size_t head_end = 0;
    while ((head_end = input_.find("\r\n\r\n")) == std::string::npos) {
        if (!fill()) return std::nullopt;
        if (input_.front() < 'A' || input_.front() > 'Z') {  // TLS, perhaps
            write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            drain();
            return std::nullopt;
        }
    }
    Request request;
    if (!parse_head(std::string_view(input_).substr(0, head_end), request)) return std::nullopt;
    input_.erase(0, head_end + 4);
    std::size_t length = 0;
    const std::string& text = request.headers["content-length"];
    std::from_chars(text.data(), text.data() + text.size(), length);
    if (text.empty()) request.headers.erase("content-length");
    while (input_.size() < length) {
        if (!fill()) return std::nullopt;
    }
    request.body = input_.substr(0, length);
    input_.erase(0, length);
    request.connection = number_;
    if (tls_ != nullptr) {
        request.client_subject = subject_of(tls_.get());
        request.resumed = SSL_session_reused(tls_.get()) == 1;
    }
    return request;
}

bool Connection::write(std::string_view data) {
    while (!data.empty()) {
        ssize_t count = 0;
        if (tls_ != nullptr) {
            ERR_clear_error();
            const int result = SSL_write(tls_.get(), data.data(), static_cast<int>(data.size()));
            if (result <= 0 && wait_for_tls(result)) continue;
            count = result;
        } else {
            count = send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL);
            if (count < 0 && errno == EAGAIN && wait(Wish::write)) continue;
        }
        if (count <= 0) return false;
        data.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

bool Connection::pause(Duration length) {
    pollfd only{end_.get(), POLLIN, 0};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(length).count();
    return poll(&only, 1, static_cast<int>(std::min<std::int64_t>(ms, INT_MAX))) == 0;
}

bool Connection::wait_for(int fd) {
    while (true) {
        std::array<pollfd, 3> all{{{fd_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}, {fd, POLLIN, 0}}};
        if (poll(all.data(), all.size(), -1) < 0) continue;
        if (all[1].revents != 0) return false;
        if (all[0].revents != 0 && !fill()) return false;
        if (all[2].revents != 0) return true;
    }
}

void Connection::pump(int other) {
    std::array<char, 16384> buffer{};
    if (!input_.empty() && send(other, input_.data(), input_.size(), MSG_NOSIGNAL) < 0) return;
    input_.clear();
    while (true) {
        std::array<pollfd, 3> all{{{fd_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}, {other, POLLIN, 0}}};
        if (poll(all.data(), all.size(), -1) < 0) continue;
        if (all[1].revents != 0) return;
        for (const auto& [from, to] : {std::pair{fd_.get(), other}, std::pair{other, fd_.get()}}) {
            const ssize_t count = recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (count < 0 && errno == EAGAIN) continue;
            if (count <= 0 || send(to, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) != count) return;
        }
    }
}

void Connection::wait_for_end() {
    std::array<pollfd, 2> both{{{fd_.get(), POLLRDHUP, 0}, {end_.get(), POLLIN, 0}}};
    while (poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
    }
}

void Connection::close_properly() {
    if (tls_ != nullptr) SSL_shutdown(tls_.get());
}

void Connection::drain() {
    tls_.reset();
    shutdown(fd_.get(), SHUT_WR);
    wait_for_end();
}

void Connection::reset() {
    const linger none{1, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

}  // namespace leasehold::servers
