// SPDX-License-Identifier: Apache-2.0
#include "app/prober.h"

#include <random>
#include <system_error>
#include <utility>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/duration_text.h"

namespace leasehold::app {

ProbeNews news_of(const supervisor::ExecOutcome& outcome, const supervisor::ProbeOptions& options) {
    using Kind = supervisor::ExecOutcome::Kind;
    using State = supervisor::ProbeJudge::State;
    ProbeNews news{outcome.kind == Kind::passed, {}, outcome.failures, State::unknown};
    if (outcome.failing) news.state = State::failing;
    if (outcome.passing) news.state = State::passing;
    switch (outcome.kind) {
        case Kind::passed: news.words = "status 0"; break;
        case Kind::failed: news.words = fmt::format("status {}", outcome.detail); break;
        case Kind::timed_out:
            news.words = fmt::format("took longer than {}, and was killed", to_rounded_text(options.timeout));
            break;
        case Kind::unusable:
            news.words = fmt::format("cannot be executed: {}", std::generic_category().message(outcome.detail));
            break;
    }
    return news;
}

void ProbeState::forget(bool there_is_one) {
    words = there_is_one ? "not probed yet" : "";
    failing = passed = failures_seen = false;
}

std::optional<Sentence> ProbeState::take(const ProbeNews& news, const std::string& name,
                                         const std::string& consequence) {
    const bool passed_before = std::exchange(passed, news.passed);
    const bool failing_before = std::exchange(failing, news.state == supervisor::ProbeJudge::State::failing);
    if (news.passed) {
        words = "passed: " + news.words;
        if (passed_before && failing_before == failing) return std::nullopt;
        return Sentence{log::Level::info, fmt::format("{}: {}", name, words)};
    }
    failures_seen = true;
    words = fmt::format("failed ({} in a row): {}", news.failures, news.words);
    const std::string what = failing ? "; " + consequence : "";
    // The one that counts is always said.
    return Sentence{log::Level::warn, fmt::format("{}: {}{}", name, words, what),
                    failing && !failing_before ? "" : name};
}

Prober::Prober(const supervisor::ProbeOptions& options, std::unique_ptr<NetProbe> probe, Heard heard)
    : judge_(options, std::random_device{}()), probe_(std::move(probe)), heard_(std::move(heard)) {}

Result<std::unique_ptr<Prober>> Prober::create(EventLoop& loop, const supervisor::ProbeOptions& options, Heard heard) {
    auto probe = make_net_probe(loop, options);
    if (!probe) return tl::unexpected<Error>(probe.error());
    if (!*probe) return nullptr;
    std::unique_ptr<Prober> made(new Prober(options, std::move(*probe), std::move(heard)));
    auto timer = Timer::create(loop, [prober = made.get()] { prober->on_timer(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    made->timer_ = std::move(*timer);
    return made;
}

void Prober::begin() {
    probe_->cancel();
    judge_.begin(now());
    arm();
}

void Prober::end() {
    probe_->cancel();
    judge_.end();
    arm();
}

// The probe keeps its timeout by itself, and knows better words for it.
void Prober::arm() {
    const auto wake = judge_.under_way() ? std::nullopt : judge_.wake(now());
    if (wake) {
        timer_->arm_in(*wake);
    } else {
        timer_->disarm();
    }
}

void Prober::on_timer() {
    if (const Instant at = now(); judge_.due(at)) {
        judge_.started(at);
        probe_->start([this](const NetProbe::Outcome& outcome) { ended(outcome); });
    }
    arm();
}

void Prober::ended(const NetProbe::Outcome& outcome) {
    const bool counts = judge_.ended(now(), outcome.passed);
    arm();
    if (counts) heard_({outcome.passed, outcome.words, judge_.failures(), judge_.state()});
}

Result<void> try_probes(const supervisor::WorkloadOptions& workload) {
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected<Error>(loop.error());
    for (const auto& [key, options] :
         {std::pair("workload.ready", &workload.ready.probe), std::pair("workload.health", &workload.health),
          std::pair("workload.candidacy", &workload.candidacy)}) {
        if (auto probe = make_net_probe(**loop, *options); !probe) {
            return failure(fmt::format("{}: {}", key, probe.error().message));
        }
    }
    return {};
}

}  // namespace leasehold::app
