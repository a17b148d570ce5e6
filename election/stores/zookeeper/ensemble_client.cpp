// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/ensemble_client.h"

#include <algorithm>
#include <utility>

#include <fmt/ranges.h>

#include "base/clock.h"
#include "base/duration_text.h"
#include "base/log.h"
#include "election/stores/zookeeper/refusal.h"

namespace leasehold::stores::zookeeper {
namespace {

using std::chrono::seconds;

constexpr Duration kFirstPatience = seconds(1);  // with a server that does not answer
constexpr Duration kLongestPatience = seconds(8);
constexpr int kMostKeepers = 16;

}  // namespace

EnsembleClient::EnsembleClient(EventLoop& loop, const ClientLibrary& library, ZookeeperOptions options, Events events)
    : loop_(loop),
      library_(library),
      options_(std::move(options)),
      events_(std::move(events)),
      problems_(options_.servers.size()) {}

EnsembleClient::~EnsembleClient() { *alive_ = false; }

Result<std::unique_ptr<EnsembleClient>> EnsembleClient::create(EventLoop& loop, ZookeeperOptions options,
                                                               Events events) {
    const auto library = client_library();
    if (!library) return tl::unexpected<Error>(library.error());
    std::unique_ptr<EnsembleClient> client(new EnsembleClient(loop, **library, std::move(options), std::move(events)));
    if (auto opened = client->open(); !opened) return tl::unexpected<Error>(opened.error());
    return client;
}

Result<void> EnsembleClient::open() {
    auto timer = Timer::create(loop_, [this] { connect(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    retry_timer_ = std::move(*timer);
    auto deadline = Timer::create(loop_, [this] { on_deadline(); });
    if (!deadline) return tl::unexpected<Error>(deadline.error());
    deadline_timer_ = std::move(*deadline);
    if (options_.auth_file.empty()) return {};
    auth_file_ = std::make_unique<WatchedFile>(options_.auth_file, accept_credential);
    auth_file_->check();
    if (!auth_file_->value()) return failure("election.store.zookeeper.auth_file: " + auth_file_->problem());
    credential_ = *auth_file_->value();
    return {};
}

// A credential may be replaced while we run; what will not do is told once, and the last good one is used.
void EnsembleClient::use_current_file() {
    if (!auth_file_) return;
    auth_file_->check();
    const std::string& problem = auth_file_->problem();
    if (problem != file_problem_ && !problem.empty()) {
        log::warn("zookeeper: {}; going on with what it held before", problem);
    }
    file_problem_ = problem;
    if (*auth_file_->value() == credential_) return;
    credential_ = *auth_file_->value();
    outdated_ = connection_ != nullptr;
    await_deadlines();  // whoever calls is not to be called back from inside
}

void EnsembleClient::start(Plan plan) {
    auto call = std::make_shared<Call>();
    call->plan_ = std::move(plan);
    call->started_ = now();
    calls_.insert(call);
    await_deadlines();
    if (call->plan_.timeout <= Duration::zero()) return;
    use_current_file();
    if (is_up_ && !outdated_) {
        call->has_begun_ = true;
        call->plan_.begin(call);
    } else if (!connection_) {
        retry_timer_->arm_in(Duration::zero());  // even in a pause: whoever calls does not do so often
    }
}

void EnsembleClient::connect() {
    if (connection_) return;
    if (calls_.empty()) return;
    if (*keepers_ >= kMostKeepers) return retry_later();
    const std::string& server = options_.servers[current_ % options_.servers.size()];
    const std::size_t round = failures_ / options_.servers.size();
    const std::size_t blank = credential_.find(' ');
    Connection::Target target{
        .server = server,
        .one_of_several = options_.servers.size() > 1,
        .scheme = credential_.substr(0, credential_.empty() ? 0 : blank),
        .credential = credential_.empty() ? "" : credential_.substr(blank + 1),
        .patience = std::min(kFirstPatience * (1 << std::min<std::size_t>(round, 3)), kLongestPatience),
        .keepers = keepers_};
    Connection::Events events{.up = [this] { on_up(); },
                              .down = [this](const Problem& problem) { lose(problem); },
                              .changed = [this] { events_.changed(); }};
    auto opened = Connection::open(loop_, library_, std::move(target), std::move(events));
    if (opened) {
        connection_ = std::move(*opened);
        connecting_since_ = now();
        outdated_ = false;
        return;
    }
    log::error("zookeeper: {}", opened.error().message);
    retry_later();
}

void EnsembleClient::on_up() {
    is_up_ = true;
    const std::shared_ptr<bool> alive = alive_;
    const std::set<CallPointer> calls = calls_;
    for (const CallPointer& call : calls) {
        if (call->is_over_ || call->has_begun_) continue;
        call->has_begun_ = true;
        const CallPointer kept = call;
        call->plan_.begin(kept);
        if (!*alive || !is_up_) return;
    }
}

// A server may grant a session and end it at once; only an answer shows that it is of use.
void EnsembleClient::prove() {
    if (std::exchange(is_good_, true)) return;
    failures_ = 0;
    pause_.reset();
    for (Problem& problem : problems_) problem = {};
    for (const CallPointer& call : calls_) call->failures_ = 0;
}

// The connection, or the attempt at one. What was asked and had no answer is asked elsewhere, or is unknown. The last
// thing that is done. `to_replace`: nothing is wrong with the server.
void EnsembleClient::lose(Problem problem, bool to_replace) {
    log::debug("zookeeper: {}", problem.detail);
    connection_.reset();
    is_up_ = false;
    const bool was_good = std::exchange(is_good_, false);
    const bool failed = !was_good && !to_replace;
    outdated_ = false;
    if (failed) {
        problems_[current_ % options_.servers.size()] = problem;
        ++failures_;
    }
    if (!to_replace) ++current_;
    const Problem all = all_problems();
    const std::shared_ptr<bool> alive = alive_;
    const std::set<CallPointer> calls = calls_;
    for (const CallPointer& call : calls) {
        if (call->is_over_) continue;
        const bool had_begun = std::exchange(call->has_begun_, false);
        if (had_begun) ++call->attempt_;
        if (failed) ++call->failures_;
        if (had_begun && call->decided_) {
            fail(call, problem);
        } else if (call->failures_ >= options_.servers.size()) {
            fail(call, all);
        }
        if (!*alive) return;
    }
    if (was_good) {
        const auto lost = events_.lost;
        lost(problem);
        if (!*alive) return;
    }
    if (connection_ || calls_.empty()) return;
    if (failed && failures_ % options_.servers.size() == 0) return retry_later();
    retry_timer_->arm_in(Duration::zero());
}

void EnsembleClient::replace_connection() {
    lose({"reconnecting", "the credential in " + options_.auth_file + " has changed"}, true);
}

void EnsembleClient::retry_later() { retry_timer_->arm_in(part_of(pause_.next())); }

bool EnsembleClient::any_under_way() const {
    return std::any_of(calls_.begin(), calls_.end(), [](const CallPointer& call) { return call->has_begun_; });
}

void EnsembleClient::await_deadlines() {
    if (outdated_ && !any_under_way()) return deadline_timer_->arm_in(Duration::zero());
    if (calls_.empty()) return deadline_timer_->disarm();
    const Instant at = now();
    Duration least = Duration::max();
    for (const CallPointer& call : calls_) least = std::min(least, call->left(at));
    deadline_timer_->arm_in(timer_for(std::max(least, Duration::zero())));
}

void EnsembleClient::on_deadline() {
    const Instant at = now();
    const std::shared_ptr<bool> alive = alive_;
    if (outdated_ && !any_under_way()) replace_connection();
    if (!*alive) return;
    const std::set<CallPointer> calls = calls_;
    for (const CallPointer& call : calls) {
        if (call->left(at) > Duration::zero()) continue;
        out_of_time(call);
        if (!*alive) return;
    }
    await_deadlines();
}

// What it starts when it is called back must not go where it was stuck; so that is left first.
void EnsembleClient::out_of_time(const CallPointer& call) {
    if (call->is_over_) return;
    const CallPointer kept = call;
    const std::string limit = to_text(std::max(kept->plan_.timeout, Duration::zero()));
    const bool had_begun = std::exchange(kept->has_begun_, false);
    Problem problem{"timeout", fmt::format("{} did not answer within {}", server(), limit)};
    finish(kept);
    const std::shared_ptr<bool> alive = alive_;
    drop_what_it_waited_for(had_begun, problem);
    if (!*alive) return;
    if (!had_begun) {
        const std::string why = all_problems().detail;
        problem.detail = why.empty() ? fmt::format("no session with {} within {}", servers(), limit)
                                     : fmt::format("no session within {}: {}", limit, why);
    }
    const auto failed = std::move(kept->plan_.failed);
    failed(problem, kept->decided_);
}

void EnsembleClient::drop_what_it_waited_for(bool had_begun, const Problem& problem) {
    if (!connection_) return;
    if (had_begun) return lose(problem);
    if (outdated_) return replace_connection();
    const Duration tried = elapsed_at_most(connecting_since_, now());
    if (is_up_ || tried < kFirstPatience) return;
    lose({"timeout", fmt::format("{} makes no session within {}", server(), to_text(tried))});
}

void EnsembleClient::fail(const CallPointer& call, const Problem& problem) {
    if (call->is_over_) return;
    const CallPointer kept = call;
    finish(kept);
    const auto failed = std::move(kept->plan_.failed);
    failed(problem, kept->decided_);
}

void EnsembleClient::finish(const CallPointer& call) {
    call->is_over_ = true;
    calls_.erase(CallPointer(call));
    await_deadlines();
}

EnsembleClient::Next EnsembleClient::guarded(const CallPointer& call, Next next) {
    return [this, call, attempt = call->attempt_, next = std::move(next)](Reply reply) {
        if (reply.code == ZOK || (reply.code < ZAPIERROR && !is_loss(reply.code))) prove();
        if (call->is_over_ || call->attempt_ != attempt) return;
        if (!is_loss(reply.code)) return next(std::move(reply));
        const Explanation why = explain_loss(reply.code, library_.text_of(reply.code), server(), authenticates());
        lose({why.label, why.detail});
    };
}

void EnsembleClient::get(const CallPointer& call, const std::string& path, bool watch, Next next) {
    connection_->get(path, watch, guarded(call, std::move(next)));
}

void EnsembleClient::watch_for_existence(const CallPointer& call, const std::string& path, Next next) {
    connection_->watch_for_existence(path, guarded(call, std::move(next)));
}

void EnsembleClient::children(const CallPointer& call, const std::string& path, Next next) {
    connection_->children(path, guarded(call, std::move(next)));
}

void EnsembleClient::create_node(const CallPointer& call, const std::string& path, Next next) {
    connection_->create(path, guarded(call, std::move(next)));
}

void EnsembleClient::multi(const CallPointer& call, const std::vector<Operation>& operations, bool decides, Next next) {
    call->decided_ = call->decided_ || decides;
    connection_->multi(operations, guarded(call, std::move(next)));
}

std::string EnsembleClient::server() const { return connection_ ? connection_->server() : servers(); }

std::string EnsembleClient::servers() const { return fmt::format("{}", fmt::join(options_.servers, ", ")); }

// One for all: the label of the last, and what is wrong with each.
Problem EnsembleClient::all_problems() const {
    Problem all;
    for (std::size_t i = 0; i < problems_.size(); ++i) {
        const Problem& problem = problems_[(current_ + i) % problems_.size()];
        if (problem.detail.empty()) continue;
        all.label = problem.label;
        all.detail += (all.detail.empty() ? "" : "; ") + problem.detail;
    }
    return all;
}

}  // namespace leasehold::stores::zookeeper
