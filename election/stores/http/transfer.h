// SPDX-License-Identifier: Apache-2.0
//
// One request from its start to its end, with its deadline.
//
// Threads: the loop's. Blocking: never. Ownership: shared; whoever calls a member that may end it keeps it alive for as
// long as that takes, because the owner is told from inside and may let it go.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "election/stores/http/client.h"
#include "election/stores/http/easy.h"
#include "election/stores/http/multi.h"
#include "election/stores/http/outcome.h"

namespace leasehold::stores::http {

class Transfer : public std::enable_shared_from_this<Transfer> {
public:
    struct Events {
        Client::StreamEvents owner;                 // only `ended` for a request; then the body is collected
        std::function<void(const Transfer*)> over;  // before `ended`: nothing more will come of this one
        bool stream = false;
    };
    struct Limits {
        Duration answer{};  // until the whole answer is there; of a stream, the headers
        Duration idle{};    // of a stream: the longest without a byte; zero: none
    };

    Transfer(Request request, Limits limits, Events events);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    // Failing that, the answer to finish() with, from the loop.
    std::optional<Answer> start(EventLoop& loop, std::shared_ptr<Multi> multi);

    // Ends with this answer, unless it has ended already.
    void finish(Answer answer);

    // Ends without telling the owner. The connection of an unfinished one is closed.
    void cancel();

    // For Multi: an attempt to connect has ended, perhaps without success.
    void go_on();

    // For Multi: libcurl has finished with it; then, or when something was noted, the owner is to be told.
    void complete(CURLcode code);
    void deliver();

private:
    std::optional<std::string> set_up();
    void set_method();
    void set_headers();
    bool add();
    void on_timer();
    void on_idle();
    void on_head(std::string_view line);
    bool on_data(std::string_view data);
    bool may_send();
    int open_socket(const curl_sockaddr& address);
    void note();
    void let_go();
    bool sent() const;
    Stage stage() const;
    Evidence evidence(CURLcode code) const;
    std::vector<std::string> reached() const;
    Answer failed(Outcome outcome);
    Duration connect_limit() const;
    Answer too_late();
    Answer result();

    static std::size_t head_callback(char* text, std::size_t size, std::size_t count, void* self) noexcept;
    static std::size_t data_callback(char* text, std::size_t size, std::size_t count, void* self) noexcept;
    static int request_callback(void* self, char*, char*, int, int) noexcept;
    static CURLcode handshake_callback(CURL*, void*, void* self) noexcept;
    static curl_socket_t socket_callback(void* self, curlsocktype, curl_sockaddr* address) noexcept;

    const Request request_;
    const Limits limits_;
    Events events_;
    std::shared_ptr<Multi> multi_;
    std::unique_ptr<Easy> easy_;
    std::unique_ptr<Timer> timer_;
    std::array<char, CURL_ERROR_SIZE> error_text_{};

    Answer answer_;         // as far as it has come
    std::size_t head_ = 0;  // bytes of all headers
    std::string data_;      // of a stream, to be delivered
    Duration last_byte_{};  // of a stream, on the boot clock
    std::optional<CURLcode> code_;

    std::vector<std::string> tried_;  // addresses, for a new connection
    bool skipped_ = false;            // a suspect was not tried
    int requests_ = 0;                // times that libcurl was about to send it
    long sent_before_ = 0;            // what libcurl had sent until then: to a proxy
    bool handshaking_ = false;        // there is a connection below TLS
    bool in_multi_ = false;
    bool noted_ = false;
    bool head_complete_ = false;
    bool opened_ = false;  // the owner has been told
    bool too_large_ = false;
    bool refused_to_repeat_ = false;
    bool over_ = false;
};

}  // namespace leasehold::stores::http
