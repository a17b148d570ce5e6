// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/client.h"

#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "election/stores/http/multi.h"
#include "election/stores/http/transfer.h"

namespace leasehold::stores::http {
namespace {

class StreamHandle : public Client::Stream {
public:
    StreamHandle(std::shared_ptr<Transfer> transfer, std::function<void(const Transfer*)> forget)
        : transfer_(std::move(transfer)), forget_(std::move(forget)) {}
    ~StreamHandle() override {
        transfer_->cancel();
        forget_(transfer_.get());
    }

private:
    std::shared_ptr<Transfer> transfer_;
    std::function<void(const Transfer*)> forget_;
};

class CurlClient : public Client {
public:
    CurlClient(EventLoop& loop, const CurlLibrary& library) : loop_(loop), library_(library) {}
    ~CurlClient() override {
        // Not in place: what an owner's callback holds may end with it, a stream for example.
        const Active dropped = std::exchange(*active_, {});
        for (const auto& [key, transfer] : dropped) transfer->cancel();
    }

    Result<void> set_up(Peer peer) {
        auto soon = Timer::create(loop_, [this] { serve_unstarted(); });
        if (!soon) return tl::unexpected<Error>(soon.error());
        soon_ = std::move(*soon);
        return use(std::move(peer));
    }

    void set_peer(Peer peer) override {
        if (multi_ && peer == multi_->endpoint().peer) return;
        multi_.reset();  // lives on in the transfers that still use it
        problem_.clear();
        if (auto done = use(std::move(peer)); !done) problem_ = done.error().message;
    }

    void drop_connections() override {
        if (!multi_) return;
        const std::shared_ptr<Multi> old = multi_;
        if (auto done = use(old->endpoint().peer); !done) return log::warn("{}", done.error().message);
        multi_->suspects() = old->suspects();
    }

    void send(Request request, Duration timeout, Done done) override {
        start(std::move(request), {timeout, Duration::zero()}, {{{}, {}, std::move(done)}, forgetter(), false});
    }

    std::unique_ptr<Stream> stream(Request request, Duration open_timeout, Duration idle_timeout,
                                   StreamEvents events) override {
        auto transfer = start(std::move(request), {open_timeout, idle_timeout}, {std::move(events), forgetter(), true});
        return std::make_unique<StreamHandle>(std::move(transfer), forgetter());
    }

private:
    using Active = std::unordered_map<const Transfer*, std::shared_ptr<Transfer>>;

    Result<void> use(Peer peer) {
        auto endpoint = parse_endpoint(library_, std::move(peer));
        if (!endpoint) return tl::unexpected<Error>(endpoint.error());
        auto multi = Multi::create(loop_, library_, std::move(*endpoint));
        if (!multi) return tl::unexpected<Error>(multi.error());
        multi_ = std::move(*multi);
        return {};
    }

    // May be called when the client is no more: a stream may outlive it.
    std::function<void(const Transfer*)> forgetter() const {
        return [active = active_](const Transfer* transfer) { active->erase(transfer); };
    }

    std::shared_ptr<Transfer> start(Request request, Transfer::Limits limits, Transfer::Events events) {
        auto transfer = std::make_shared<Transfer>(std::move(request), limits, std::move(events));
        std::optional<Answer> failed;
        if (multi_) {
            failed = transfer->start(loop_, multi_);
        } else {
            failed.emplace();
            failed->failure = Failure::connect;
            failed->detail = problem_;
        }
        active_->emplace(transfer.get(), transfer);
        if (failed) {
            unstarted_.emplace_back(transfer, std::move(*failed));
            soon_->arm_in(Duration::zero());
        }
        return transfer;
    }

    void serve_unstarted() {
        // An owner may destroy the client: nothing of it is used below, and the others are cancelled then.
        for (auto& [transfer, answer] : std::exchange(unstarted_, {})) transfer->finish(std::move(answer));
    }

    EventLoop& loop_;
    const CurlLibrary& library_;
    std::shared_ptr<Multi> multi_;  // none while the peer cannot be used; then `problem_` says why
    std::string problem_;
    std::shared_ptr<Active> active_ = std::make_shared<Active>();
    std::vector<std::pair<std::shared_ptr<Transfer>, Answer>> unstarted_;
    std::unique_ptr<Timer> soon_;
};

}  // namespace

Result<std::unique_ptr<Client>> Client::create(EventLoop& loop, Peer peer) {
    const auto library = curl_library();
    if (!library) return tl::unexpected<Error>(library.error());
    auto client = std::make_unique<CurlClient>(loop, **library);
    if (auto done = client->set_up(std::move(peer)); !done) return tl::unexpected<Error>(done.error());
    return client;
}

}  // namespace leasehold::stores::http
