// SPDX-License-Identifier: Apache-2.0
//
// What the scripted server's replies are, and how they are carried out.
#include <cstdlib>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "tests/servers/loopback.h"
#include "tests/servers/scripted_connection.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::servers {
namespace {

Reply with_type(int status, std::string body, const char* type) {
    Reply reply;
    reply.status = status;
    reply.headers = {std::string("Content-Type: ") + type};
    reply.body = std::move(body);
    return reply;
}

std::string head_of(const Reply& reply) {
    std::string head;
    for (const int status : reply.interim) head += fmt::format("HTTP/1.1 {} Interim\r\nX-Interim: yes\r\n\r\n", status);
    head += fmt::format("HTTP/1.1 {} Scripted\r\n", reply.status);
    for (const std::string& line : reply.headers) head += line + "\r\n";
    if (reply.close_after) head += "Connection: close\r\n";
    if (reply.feed != nullptr) {
        head += "Transfer-Encoding: chunked\r\n";
    } else if (reply.status != 204 && reply.status != 304) {
        head += fmt::format("Content-Length: {}\r\n", reply.declared_length.value_or(reply.body.size()));
    }
    return head + "\r\n";
}

bool send_all(const Reply& reply, const std::string& text, Connection& connection) {
    if (reply.drip_bytes == 0) return connection.write(text);
    for (std::size_t at = 0; at < text.size(); at += reply.drip_bytes) {
        if (!connection.write(std::string_view(text).substr(at, reply.drip_bytes))) return false;
        if (!connection.pause(reply.drip_interval)) return false;
    }
    return true;
}

bool send_feed(Feed& feed, Connection& connection) {
    while (true) {
        Feed::Step step = feed.next();
        switch (step.what) {
            case Feed::Step::What::wait:
                if (!connection.wait_for(feed.descriptor())) return false;
                break;
            case Feed::Step::What::data:
                if (!connection.write(fmt::format("{:x}\r\n{}\r\n", step.data.size(), step.data))) return false;
                break;
            case Feed::Step::What::end: return connection.write("0\r\n\r\n");
            case Feed::Step::What::tear: return false;
        }
    }
}

bool answer(const Reply& reply, const Request& request, Connection& connection) {
    if (reply.feed != nullptr) {
        return connection.write(head_of(reply)) && send_feed(*reply.feed, connection) && !reply.close_after;
    }
    const bool bodiless = request.method == "HEAD";
    if (!send_all(reply, head_of(reply) + (bodiless ? "" : reply.body), connection)) return false;
    if (reply.declared_length.value_or(0) > reply.body.size()) return false;
    if (reply.close_after) connection.close_properly();
    return !reply.close_after;
}

// `target`: "127.0.0.1:443"
void tunnel(const std::string& target, Connection& connection) {
    const auto colon = target.rfind(':');
    const SocketAddress address = socket_address(target.substr(0, colon), std::atoi(target.c_str() + colon + 1));
    const UniqueFd other(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(other.get(), address.get(), address.length) != 0) {
        connection.write("HTTP/1.1 502 Scripted\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    if (connection.write("HTTP/1.1 200 Scripted\r\n\r\n")) connection.pump(other.get());
}

}  // namespace

Feed::Feed() : wakeup_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wakeup_) std::abort();
}

void Feed::add(Step step) {
    const std::lock_guard lock(mutex_);
    steps_.push_back(std::move(step));
    eventfd_write(wakeup_.get(), 1);
}

void Feed::push(std::string data) { add({Step::What::data, std::move(data)}); }
void Feed::end() { add({Step::What::end, {}}); }
void Feed::tear() { add({Step::What::tear, {}}); }

Feed::Step Feed::next() {
    const std::lock_guard lock(mutex_);
    eventfd_t count = 0;
    eventfd_read(wakeup_.get(), &count);
    if (steps_.empty()) return {};
    Step step = std::move(steps_.front());
    steps_.pop_front();
    if (!steps_.empty()) eventfd_write(wakeup_.get(), 1);
    return step;
}

Reply Reply::json(int status, std::string body) { return with_type(status, std::move(body), "application/json"); }
Reply Reply::text(int status, std::string body) { return with_type(status, std::move(body), "text/plain"); }
Reply Reply::html(int status, std::string body) { return with_type(status, std::move(body), "text/html"); }

Reply Reply::throttled(int retry_after_seconds) {
    Reply reply = text(429, "slower, please");
    reply.headers.push_back(fmt::format("Retry-After: {}", retry_after_seconds));
    return reply;
}

Reply Reply::redirect(const std::string& location) {
    Reply reply = text(302, "elsewhere");
    reply.headers.push_back("Location: " + location);
    return reply;
}

Reply Reply::truncated(std::string body, std::size_t missing) {
    Reply reply = json(200, std::move(body));
    reply.declared_length = reply.body.size() + missing;
    return reply;
}

Reply Reply::drip(std::string body, std::size_t bytes, Duration interval) {
    Reply reply = json(200, std::move(body));
    reply.drip_bytes = bytes;
    reply.drip_interval = interval;
    return reply;
}

Reply Reply::stream(std::shared_ptr<Feed> feed) {
    Reply reply = json(200, {});
    reply.feed = std::move(feed);
    return reply;
}

Reply Reply::raw(std::string bytes) {
    Reply reply = by(Way::raw);
    reply.body = std::move(bytes);
    return reply;
}

Reply Reply::by(Way way) {
    Reply reply;
    reply.way = way;
    return reply;
}

bool carry_out(const Reply& reply, const Request& request, Connection& connection) {
    switch (reply.way) {
        case Reply::Way::answer: return answer(reply, request, connection);
        case Reply::Way::silence: connection.wait_for_end(); break;
        case Reply::Way::close: break;
        case Reply::Way::reset: connection.reset(); break;
        case Reply::Way::raw: send_all(reply, reply.body, connection); break;
        case Reply::Way::tunnel: tunnel(request.target, connection); break;
    }
    return false;
}

}  // namespace leasehold::servers
