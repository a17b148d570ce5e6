// SPDX-License-Identifier: Apache-2.0
#include "supervisor/output_helper.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/reaper.h"

namespace leasehold::supervisor {
namespace {

constexpr Duration kStartAgain = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<OutputHelper>> OutputHelper::create(EventLoop& loop, const LaunchSpec& spec,
                                                           const UniqueFd& spec_fd) {
    std::unique_ptr<OutputHelper> made(new OutputHelper(loop, spec_fd));
    if (auto ready = made->prepare(spec); !ready) {
        return failure("the workload's output cannot be captured: " + ready.error().message, ready.error().code);
    }
    return made;
}

// The workload may open /dev/stdout anew, so it has to own what that is (as container runtimes arrange it).
Result<OutputHelper::Pipe> OutputHelper::make_pipe(const ProcessAttributes& attributes) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return system_failure("pipe2");
    Pipe made{UniqueFd(ends[0]), UniqueFd(ends[1])};
    const auto& owner = attributes.credentials;
    if (owner && fchown(ends[1], owner->user, owner->group) != 0) {
        log::debug("/dev/stdout stays leasehold's own: {}", std::generic_category().message(errno));
    }
    return made;
}

Result<void> OutputHelper::prepare(const LaunchSpec& spec) {
    auto page = OutputPage::create(spec.workload.output.keep_last);
    if (!page) return tl::unexpected<Error>(page.error());
    page_ = std::move(*page);
    for (Pipe* place : {&output_, &errors_, &guardian_lives_}) {
        auto made = make_pipe(spec.attributes);
        if (!made) return tl::unexpected<Error>(made.error());
        *place = std::move(*made);
    }
    tree_ended_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!tree_ended_) return system_failure("eventfd");
    return Timer::create(loop_, [this] { start(); })
        .and_then([this](auto timer) {
            restart_ = std::move(timer);
            return Timer::create(loop_, [this] { lose_patience(); });
        })
        .map([this](auto timer) { patience_ = std::move(timer); });
}

Inherited OutputHelper::for_supervisor() const {
    Inherited inherited;
    inherited.add("--output-fd", output_.write.get());
    inherited.add("--errors-fd", errors_.write.get());
    inherited.add("--ended-fd", tree_ended_.get());
    return inherited;
}

Inherited OutputHelper::for_agent() const {
    Inherited inherited;
    inherited.add("--output-page-fd", page_->fd());
    return inherited;
}

void OutputHelper::start() {
    aside_ = false;
    if (process_.pid > 0) return;
    restart_->arm_in(kStartAgain);  // first of all: what follows may run out of memory
    if (auto executed = execute(); !executed) {
        log::error("the helper for the workload's output cannot be started: {}; trying again",
                   executed.error().message);
        return;
    }
    restart_->disarm();
    log::debug("output helper started: process {}", process_.pid);
}

Result<void> OutputHelper::execute() {
    Inherited inherited;
    inherited.add("--spec-fd", spec_fd_.get());
    inherited.add("--guardian-fd", guardian_lives_.read.get());
    inherited.add("--output-page-fd", page_->fd());
    inherited.add("--output-fd", output_.read.get());
    inherited.add("--errors-fd", errors_.read.get());
    inherited.add("--ended-fd", tree_ended_.get());
    RoleImage image(kOutputRole, inherited.arguments());
    for (const auto& [name, fd] : inherited.named) image.inherit(fd);
    auto process = start_role_process(image);
    if (!process) return tl::unexpected<Error>(process.error());
    process_ = std::move(*process);
    started_at_ = now();
    auto watched = loop_.watch(process_.pidfd.get(), EPOLLIN, [this](std::uint32_t) { ended(); });
    if (watched) return {};
    kill_it();  // nobody would notice its end; it is reaped like any orphan
    process_ = {};
    return watched;
}

void OutputHelper::ended() {
    Exit exit;
    if (!reap_one(process_.pidfd.get(), exit)) return;
    restart_->arm_in(kStartAgain);  // whatever goes wrong below
    loop_.unwatch(process_.pidfd.get());
    process_ = {};
    const bool in_order = !exit.by_signal && exit.status == 0;
    if (done_ && in_order) {
        restart_->disarm();
        patience_->disarm();
        return std::exchange(done_, nullptr)();
    }
    if (aside_) return restart_->disarm();
    const Duration wait = backoff_.after(elapsed_at_least(started_at_, now()));
    restart_->arm_in(wait);
    log::error("the helper for the workload's output ended with status {}; it is started again", exit.status);
}

void OutputHelper::stand_aside() {
    aside_ = true;
    restart_->disarm();
    kill_it();
}

void OutputHelper::tree_has_ended() const {
    eventfd_write(tree_ended_.get(), 1);  // only a counter that is full is refused
}

// Without the guardian's ends, and with nobody left who has the others, the pipes end.
void OutputHelper::finish(Duration patience, std::function<void()> done) {
    output_.write.reset();
    errors_.write.reset();
    done_ = std::move(done);
    patience_->arm_in(patience);
    start();
}

void OutputHelper::lose_patience() {
    if (!done_) return;
    log::error("nobody takes what the workload has written last; it is lost");
    kill_it();
    restart_->disarm();
    std::exchange(done_, nullptr)();
}

void OutputHelper::kill_it() const {
    if (process_.pid > 0 && kill(process_.pid, SIGKILL) != 0) {
        log::error("the output helper cannot be killed: {}", std::generic_category().message(errno));
    }
}

}  // namespace leasehold::supervisor
