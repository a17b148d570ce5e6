// SPDX-License-Identifier: Apache-2.0
#include "app/readiness.h"

#include <utility>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/duration_text.h"

namespace leasehold::app {
namespace {

constexpr Duration kSayAgain = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<Readiness>> Readiness::create(EventLoop& loop, const supervisor::ReadyOptions& options,
                                                     UniqueFd notices, Hooks hooks) {
    std::unique_ptr<Readiness> made(new Readiness(options, std::move(hooks)));
    Readiness* const self = made.get();
    auto prober = Prober::create(loop, options.probe, [self](const ProbeNews& news) { self->probed(news); });
    if (!prober) return tl::unexpected<Error>(prober.error());
    made->prober_ = std::move(*prober);
    auto limit = Timer::create(loop, [self] { self->on_limit(); });
    if (!limit) return tl::unexpected<Error>(limit.error());
    made->limit_ = std::move(*limit);
    if (!notices) return made;
    made->notices_ = std::make_unique<NoticeReader>(
        loop, std::move(notices),
        NoticeReader::Hooks{.heard = [self](const Notice& notice) { self->heard(notice); },
                            .ignored = [self](const std::string& what) { self->ignored(what); }});
    return made;
}

void Readiness::begin(pid_t workload, Instant executed_at, bool ready) {
    if (workload == workload_) return;
    end();
    workload_ = workload;
    executed_at_ = executed_at;
    if (notices_) {
        if (auto listening = notices_->listen_to(workload); !listening) {
            hooks_.say({log::Level::error, "cannot listen to the workload: " + listening.error().message});
        }
    }
    waiting_ = options_.probe.given && !ready;
    ready_ = !waiting_;
    if (options_.probe.given) state_.words = ready ? "ready" : options_.notify ? "not said yet" : "not probed yet";
    if (ready_) return hooks_.ready();
    if (prober_) prober_->begin();
    if (options_.start_timeout > Duration::zero()) arm_limit();
}

void Readiness::stopping() {
    if (!waiting_ && !ready_) return;
    waiting_ = ready_ = false;
    if (prober_) prober_->end();
    limit_->disarm();
}

void Readiness::end() {
    if (workload_ == 0) return;
    stopping();
    workload_ = 0;
    if (notices_) notices_->stop();
    told_of_the_limit_ = told_of_ignored_ = told_of_main_pid_ = false;
    state_ = {};
    status_.clear();
}

void Readiness::probed(const ProbeNews& news) {
    if (!waiting_) return;
    auto sentence = state_.take(news, "ready", "not ready yet");
    if (news.state == supervisor::ProbeJudge::State::passing) return become_ready(news.words);
    if (!sentence) return;
    sentence->level = log::Level::info;  // whoever starts does not answer yet
    hooks_.say(*sentence);
}

void Readiness::heard(const Notice& notice) {
    if (notice.status) status_ = *notice.status;
    if (notice.main_pid && !std::exchange(told_of_main_pid_, true)) {
        hooks_.say({log::Level::warn,
                    "the workload names another main process (MAINPID), which is ignored: the one that leasehold has "
                    "started stays it"});
    }
    if (notice.stopping) hooks_.say({log::Level::info, "the workload says that it is stopping", "STOPPING=1"});
    if (notice.ready && waiting_) become_ready("READY=1");
}

void Readiness::ignored(const std::string& what) {
    if (!std::exchange(told_of_ignored_, true)) hooks_.say({log::Level::warn, "ignoring what " + what});
}

void Readiness::become_ready(const std::string& how) {
    const std::string took = to_rounded_text(elapsed_at_most(executed_at_, now()));
    stopping();
    ready_ = true;
    state_.words = fmt::format("ready after {}: {}", took, how);
    hooks_.ready();
    hooks_.say({log::Level::info, fmt::format("the workload is ready, {} after its start: {}", took, how)});
}

// When it is over already, whoever has just begun to ask is to hear an answer first.
void Readiness::arm_limit() {
    const Duration left = left_on_both_clocks(executed_at_ + options_.start_timeout, now());
    limit_->arm_in(left > Duration::zero() ? left : kSayAgain);
}

void Readiness::on_limit() {
    if (notices_) notices_->read();  // it may have been said while this process could not listen
    const bool over = reached_on_both_clocks(executed_at_ + options_.start_timeout, now());
    if (waiting_ && over) {
        if (!std::exchange(told_of_the_limit_, true)) {
            hooks_.say(
                {log::Level::warn, fmt::format("the workload is not ready within {} (workload.ready.start_timeout)",
                                               to_text(options_.start_timeout))});
        }
        hooks_.never_ready();
    }
    if (waiting_) arm_limit();
}

}  // namespace leasehold::app
