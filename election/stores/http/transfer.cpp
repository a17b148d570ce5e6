// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/transfer.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/duration_text.h"

namespace leasehold::stores::http {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostHeaders = 256 << 10;  // bytes

// libcurl takes milliseconds, and zero for its own default.
long for_curl(Duration limit) {
    const auto count = std::chrono::ceil<milliseconds>(limit).count();
    return static_cast<long>(std::clamp<std::int64_t>(count, 1, std::numeric_limits<int>::max() / 2));
}

std::string text_of(const std::string& address, unsigned port) {
    return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                  : fmt::format("[{}]:{}", address, port);
}

std::string text_of(const curl_sockaddr& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.family == AF_INET) {
        const auto* ip4 = reinterpret_cast<const sockaddr_in*>(&address.addr);
        inet_ntop(AF_INET, &ip4->sin_addr, text.data(), text.size());
        return text_of(text.data(), ntohs(ip4->sin_port));
    }
    const auto* ip6 = reinterpret_cast<const sockaddr_in6*>(&address.addr);
    inet_ntop(AF_INET6, &ip6->sin6_addr, text.data(), text.size());
    return text_of(text.data(), ntohs(ip6->sin6_port));
}

std::string lower(std::string_view text) {
    std::string lowered(text);
    for (char& letter : lowered) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    return lowered;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool one_line(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](char letter) { return static_cast<unsigned char>(letter) < ' ' || letter == '\x7f'; });
}

bool names(const std::vector<std::string>& headers, std::string_view name) {
    return std::any_of(headers.begin(), headers.end(), [&](const std::string& line) {
        return line.size() > name.size() && line[name.size()] == ':' && lower(line.substr(0, name.size())) == name;
    });
}

}  // namespace

Transfer::Transfer(Request request, Limits limits, Events events)
    : request_(std::move(request)), limits_(limits), events_(std::move(events)) {}

Transfer::~Transfer() { let_go(); }

std::optional<Answer> Transfer::start(EventLoop& loop, std::shared_ptr<Multi> multi) {
    multi_ = std::move(multi);
    const auto failed_as = [](Failure failure, std::string detail) {
        Answer answer;
        answer.failure = failure;
        answer.detail = std::move(detail);
        return answer;
    };
    if (limits_.answer <= Duration::zero()) {
        return failed_as(Failure::timeout, "there was no time left for a request to " + multi_->endpoint().server);
    }
    if (!one_line(request_.method) || !one_line(request_.target) ||
        !std::all_of(request_.headers.begin(), request_.headers.end(), one_line)) {
        return failed_as(Failure::malformed,
                         "the request was not made: its method, target or one of its headers (a "
                         "token?) holds a line break or another control character");
    }
    auto timer = Timer::create(loop, [this] { on_timer(); });
    if (!timer) return failed_as(Failure::connect, "the request was not made: " + timer.error().message);
    timer_ = std::move(*timer);
    if (auto problem = set_up()) {
        return failed_as(Failure::connect, fmt::format("the request was not made: libcurl says '{}'", *problem));
    }
    timer_->arm_in(limits_.answer);
    return std::nullopt;
}

std::optional<std::string> Transfer::set_up() {
    easy_ = std::make_unique<Easy>(multi_->library());
    multi_->apply(*easy_);
    Easy& easy = *easy_;
    easy.set<CURLOPT_PRIVATE>(static_cast<void*>(this));
    easy.set<CURLOPT_ERRORBUFFER>(error_text_.data());
    easy.set_text<CURLOPT_URL>(multi_->endpoint().url + request_.target);
    set_method();
    set_headers();
    easy.set<CURLOPT_HEADERFUNCTION>(&head_callback);
    easy.set<CURLOPT_HEADERDATA>(static_cast<void*>(this));
    easy.set<CURLOPT_WRITEFUNCTION>(&data_callback);
    easy.set<CURLOPT_WRITEDATA>(static_cast<void*>(this));
    easy.set<CURLOPT_PREREQFUNCTION>(&request_callback);
    easy.set<CURLOPT_PREREQDATA>(static_cast<void*>(this));
    easy.set<CURLOPT_SSL_CTX_FUNCTION>(&handshake_callback);
    easy.set<CURLOPT_SSL_CTX_DATA>(static_cast<void*>(this));
    easy.set<CURLOPT_OPENSOCKETFUNCTION>(&socket_callback);
    easy.set<CURLOPT_OPENSOCKETDATA>(static_cast<void*>(this));
    // Of this, libcurl gives half of what is left to each address that is not the last one of its family.
    easy.set<CURLOPT_CONNECTTIMEOUT_MS>(for_curl(connect_limit()));
    // Our deadline comes first.
    if (!events_.stream) easy.set<CURLOPT_TIMEOUT_MS>(for_curl(limits_.answer + std::chrono::seconds(2)));
    if (request_.fresh_connection) {
        easy.set<CURLOPT_FRESH_CONNECT>(1L);
        easy.set<CURLOPT_DNS_CACHE_TIMEOUT>(0L);
    }
    const CurlLibrary& library = multi_->library();
    if (easy.problem() != CURLE_OK) return library.easy_strerror(easy.problem());
    if (!add()) return "it cannot be started";
    return std::nullopt;
}

bool Transfer::add() {
    error_text_.front() = '\0';
    skipped_ = false;
    handshaking_ = false;
    requests_ = 0;
    in_multi_ = multi_->add(*easy_) == CURLM_OK;
    return in_multi_;
}

void Transfer::set_method() {
    Easy& easy = *easy_;
    const std::string& method = request_.method;
    if (method == "HEAD") return easy.set<CURLOPT_NOBODY>(1L);
    if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
        easy.set<CURLOPT_POST>(1L);
        easy.set<CURLOPT_POSTFIELDS>(request_.body.data());  // not copied
        easy.set<CURLOPT_POSTFIELDSIZE_LARGE>(static_cast<curl_off_t>(request_.body.size()));
    }
    if (method != "GET" || !request_.body.empty()) easy.set_text<CURLOPT_CUSTOMREQUEST>(method);
}

void Transfer::set_headers() {
    const auto& headers = request_.headers;
    for (const std::string& line : headers) easy_->add_header(line);
    const Endpoint& endpoint = multi_->endpoint();
    if (!endpoint.redirect.empty() && !names(headers, "host")) easy_->add_header("Host: " + endpoint.server);
    // Without these libcurl makes up a type, and lets the server think about large bodies first.
    if (!names(headers, "content-type")) easy_->add_header("Content-Type:");
    if (!names(headers, "expect")) easy_->add_header("Expect:");
    easy_->use_headers();
}

void Transfer::finish(Answer answer) {
    if (over_) return;
    over_ = true;
    let_go();
    if (events_.over) events_.over(this);
    if (events_.stream) answer.body.clear();
    const auto ended = std::exchange(events_.owner.ended, nullptr);
    if (ended) ended(std::move(answer));
}

void Transfer::cancel() {
    over_ = true;
    let_go();
}

void Transfer::let_go() {
    timer_.reset();
    if (std::exchange(in_multi_, false)) multi_->remove(*easy_);
    easy_.reset();
    multi_.reset();
}

void Transfer::note() {
    if (std::exchange(noted_, true)) return;
    multi_->note(shared_from_this());
}

// After an attempt that failed libcurl up to 8.3 prepares the next address, but does not begin with it before something
// else happens (curl issue 11920). This makes it look at the request again.
void Transfer::go_on() {
    if (!in_multi_ || stage() != Stage::connect) return;
    const CurlLibrary& library = multi_->library();
    library.easy_pause(easy_->handle(), CURLPAUSE_RECV);
    library.easy_pause(easy_->handle(), CURLPAUSE_CONT);
}

void Transfer::complete(CURLcode code) {
    in_multi_ = false;
    multi_->remove(*easy_);
    if (code == CURLE_COULDNT_CONNECT && skipped_ && !sent()) {
        // What answered lately does not any more: back to those that did not.
        multi_->suspects().forget();
        tried_.clear();
        if (add()) return;
    }
    code_ = code;
    note();
}

void Transfer::deliver() {
    noted_ = false;
    if (over_) return;
    if (events_.stream) {
        if (head_complete_ && !opened_) {
            opened_ = true;
            last_byte_ = now().boot;
            if (limits_.idle > Duration::zero()) {
                timer_->arm_in(limits_.idle);
            } else {
                timer_->disarm();
            }
            if (events_.owner.opened) events_.owner.opened(answer_.status, answer_.headers);
            if (over_) return;
        }
        if (!data_.empty()) {
            const std::string data = std::exchange(data_, {});
            if (events_.owner.data) events_.owner.data(data);
            if (over_) return;
        }
    }
    if (code_) finish(result());
}

void Transfer::on_timer() {
    const auto self = shared_from_this();
    if (opened_) return on_idle();
    finish(too_late());
}

void Transfer::on_idle() {
    // Only looked at when the time has come, so that data costs no system call.
    const Duration quiet = now().boot - last_byte_;
    if (quiet < limits_.idle) return timer_->arm_in(limits_.idle - quiet);
    finish(failed({Failure::timeout, fmt::format("nothing came from {} for {}", whom(multi_->endpoint(), reached()),
                                                 to_rounded_text(limits_.idle))}));
}

Duration Transfer::connect_limit() const {
    const Duration limit = request_.connect_timeout;
    return limit > Duration::zero() ? std::min(limit, limits_.answer) : limits_.answer;
}

Answer Transfer::too_late() {
    const auto tried = reached();
    multi_->suspects().silent(tried);
    const bool connected = stage() == Stage::answer || stage() == Stage::rest;
    return failed(
        outcome_of_deadline(stage(), connected ? limits_.answer : connect_limit(), tried, multi_->endpoint()));
}

Answer Transfer::failed(Outcome outcome) {
    answer_.sent = sent();
    answer_.failure = outcome.failure;
    answer_.detail = std::move(outcome.detail);
    return std::move(answer_);
}

Answer Transfer::result() {
    const Endpoint& endpoint = multi_->endpoint();
    Suspects& suspects = multi_->suspects();
    if (too_large_) {
        return failed({Failure::too_large, fmt::format("the answer of {} is larger than {} bytes, or its headers than "
                                                       "{}",
                                                       whom(endpoint, reached()), request_.body_limit, kMostHeaders)});
    }
    if (refused_to_repeat_) {
        return failed({Failure::unanswered,
                       fmt::format("the kept connection with {} ended without an answer", whom(endpoint, reached()))});
    }
    if (*code_ == CURLE_OPERATION_TIMEDOUT) return too_late();
    if (*code_ != CURLE_OK) return failed(outcome_of(evidence(*code_), endpoint));
    if (const char* address = easy_->get<CURLINFO_PRIMARY_IP, const char*>(""); !tried_.empty()) {
        const long port = easy_->get<CURLINFO_PRIMARY_PORT>(0L);
        suspects.answered(text_of(address, static_cast<unsigned>(port)), tried_);
    }
    answer_.sent = true;
    return std::move(answer_);
}

// All addresses that this request was tried with; of a kept connection, its own.
std::vector<std::string> Transfer::reached() const {
    if (!tried_.empty() || requests_ == 0) return tried_;
    const std::string address = easy_->get<CURLINFO_PRIMARY_IP, const char*>("");
    if (address.empty()) return {};
    return {text_of(address, static_cast<unsigned>(easy_->get<CURLINFO_PRIMARY_PORT>(0L)))};
}

bool Transfer::sent() const {
    return requests_ > 0 && (easy_->get<CURLINFO_REQUEST_SIZE>(0L) > sent_before_ ||
                             easy_->get<CURLINFO_SIZE_UPLOAD_T>(curl_off_t{0}) > 0);
}

Stage Transfer::stage() const {
    if (answer_.status != 0) return Stage::rest;
    if (requests_ > 0) return Stage::answer;
    if (handshaking_) return Stage::handshake;
    return tried_.empty() ? Stage::lookup : Stage::connect;
}

Evidence Transfer::evidence(CURLcode code) const {
    Evidence found;
    found.code = code;
    found.text = error_text_.front() != '\0' ? error_text_.data() : multi_->library().easy_strerror(code);
    found.verify_result = easy_->get<CURLINFO_SSL_VERIFYRESULT>(0L);
    found.os_error = static_cast<int>(easy_->get<CURLINFO_OS_ERRNO>(0L));
    found.tried = reached();
    if (code == CURLE_PEER_FAILED_VERIFICATION) found.names = certificate_names(*easy_);
    found.stage = stage();
    return found;
}

void Transfer::on_head(std::string_view line) {
    if (line.starts_with("HTTP/")) {  // also after an interim answer
        answer_.headers.clear();
        const auto digits = trimmed(line.substr(std::min(line.find(' '), line.size())));
        std::from_chars(digits.data(), digits.data() + digits.size(), answer_.status);
        return;
    }
    if (head_complete_) return;  // a trailer
    if (trimmed(line).empty()) {
        head_complete_ = answer_.status >= 200 || answer_.status == 101;
        if (head_complete_) note();
        return;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string& value = answer_.headers[lower(trimmed(line.substr(0, colon)))];
    if (!value.empty()) value += ", ";
    value += trimmed(line.substr(colon + 1));
}

bool Transfer::on_data(std::string_view data) {
    if (events_.stream) {
        last_byte_ = now().boot;
        data_ += data;
        note();
        return true;
    }
    too_large_ = data.size() > request_.body_limit - answer_.body.size();
    if (!too_large_) answer_.body += data;
    return !too_large_;
}

// libcurl sends a request again when a kept connection turns out to be dead, even if the server may have acted upon it.
bool Transfer::may_send() {
    if (requests_ == 0) sent_before_ = easy_->get<CURLINFO_REQUEST_SIZE>(0L);
    const bool harmless = request_.method == "GET" || request_.method == "HEAD";
    refused_to_repeat_ = !harmless && sent();
    ++requests_;
    return !refused_to_repeat_;
}

int Transfer::open_socket(const curl_sockaddr& address) {
    std::string text = text_of(address);
    if (multi_->suspects().contains(text)) {
        skipped_ = true;
        return CURL_SOCKET_BAD;
    }
    tried_.push_back(std::move(text));
    return multi_->open_socket(address, weak_from_this());
}

std::size_t Transfer::head_callback(char* text, std::size_t size, std::size_t count, void* self) noexcept {
    auto* transfer = static_cast<Transfer*>(self);
    transfer->head_ += size * count;
    transfer->too_large_ = transfer->head_ > kMostHeaders;
    if (transfer->too_large_) return 0;
    transfer->on_head({text, size * count});
    return size * count;
}

std::size_t Transfer::data_callback(char* text, std::size_t size, std::size_t count, void* self) noexcept {
    return static_cast<Transfer*>(self)->on_data({text, size * count}) ? size * count : 0;
}

int Transfer::request_callback(void* self, char*, char*, int, int) noexcept {
    return static_cast<Transfer*>(self)->may_send() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

CURLcode Transfer::handshake_callback(CURL*, void*, void* self) noexcept {
    static_cast<Transfer*>(self)->handshaking_ = true;
    return CURLE_OK;
}

curl_socket_t Transfer::socket_callback(void* self, curlsocktype, curl_sockaddr* address) noexcept {
    return static_cast<Transfer*>(self)->open_socket(*address);
}

}  // namespace leasehold::stores::http
