// SPDX-License-Identifier: Apache-2.0
//
// One multi handle of libcurl on our event loop: its sockets, its timer, its kept connections and TLS sessions. There
// is one for each peer, so that nothing of an old peer is used for a new one.
//
// Threads: the loop's. Blocking: never. Ownership: shared by the client and its transfers; the loop outlives it.
//
// Nothing of ours is called back from inside libcurl but what stores something (multi.cpp, transfer.cpp); owners are
// told afterwards, in settle(). So an owner may do anything, also destroy all there is.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"
#include "election/stores/http/curl_library.h"
#include "election/stores/http/endpoint.h"
#include "election/stores/http/suspects.h"

namespace leasehold::stores::http {

class Transfer;

class Multi : public std::enable_shared_from_this<Multi> {
public:
    static Result<std::shared_ptr<Multi>> create(EventLoop& loop, const CurlLibrary& library, Endpoint endpoint);
    ~Multi();
    Multi(const Multi&) = delete;
    Multi& operator=(const Multi&) = delete;

    const CurlLibrary& library() const { return library_; }
    const Endpoint& endpoint() const { return endpoint_; }
    Suspects& suspects() { return suspects_; }

    // What belongs to the connections rather than to a single request.
    void apply(Easy& easy);

    // The handle's CURLOPT_PRIVATE is its Transfer, which hears of its end by settle().
    CURLMcode add(Easy& easy);
    // At any time but from inside libcurl. What is not finished loses its connection.
    void remove(Easy& easy);

    // From inside libcurl: a socket to connect with, or CURL_SOCKET_BAD. When it is closed, `attempt` is told to go on.
    int open_socket(const curl_sockaddr& address, std::weak_ptr<Transfer> attempt);

    // From inside libcurl: this one has something to deliver.
    void note(std::shared_ptr<Transfer> transfer) { noted_.push_back(std::move(transfer)); }

private:
    Multi(EventLoop& loop, const CurlLibrary& library, Endpoint endpoint)
        : loop_(loop), library_(library), endpoint_(std::move(endpoint)) {}
    Result<void> set_up();
    void act(int fd, int events);
    void settle();
    void on_socket(int fd, int what);
    void on_timer(long milliseconds);
    void forget(int fd);
    static int socket_callback(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept;
    static int timer_callback(CURLM*, long milliseconds, void* self) noexcept;
    static int close_callback(void* self, curl_socket_t fd) noexcept;

    EventLoop& loop_;
    const CurlLibrary& library_;
    const Endpoint endpoint_;
    Suspects suspects_;
    std::unique_ptr<Timer> timer_;
    CURLSH* sessions_ = nullptr;
    CURLM* multi_ = nullptr;
    // What the loop watches are duplicates, by libcurl's own number: libcurl may close a socket before saying so.
    std::map<int, UniqueFd> watched_;
    std::unordered_map<int, std::weak_ptr<Transfer>> attempts_;  // by socket, also after they succeeded
    std::vector<std::weak_ptr<Transfer>> failed_attempts_;
    std::vector<std::shared_ptr<Transfer>> noted_;
};

}  // namespace leasehold::stores::http
