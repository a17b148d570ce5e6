// SPDX-License-Identifier: Apache-2.0
//
// Another configuration for what is running. A process of its own reads the file, checks it and looks up what has to be
// looked up; here it is only put in the place of the old one. The supervisor takes what it needs when it can, the agent
// is replaced, which the workload does not notice: whatever the new agent does is what it does after a crash.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/sealed_memory.h"
#include "supervisor/guardian.h"

namespace leasehold::supervisor {
namespace {

constexpr Duration kLater = std::chrono::milliseconds(100);

}  // namespace

void Guardian::reload() {
    if (ending_) return;
    // The newest request counts. A process more would stand in the way of the proof of emptiness.
    reload_again_ = emptying_ || reloader_.alive();
    if (reload_again_) {
        kill_role(reloader_);
        return reloader_.restart->arm_in(kLater);
    }
    offered_config_.reset();
    reload_decided_ = false;
    service_manager_.begin_reload();
    Inherited inherited;
    inherited.held = spec_.held_fds;
    inherited.held.push_back(spec_.config_fd);
    if (start_role(reloader_, kReloaderRole, std::move(inherited))) log::info("reading {} anew", spec_.config_file);
}

void Guardian::on_reloader_message(Received received) {
    if (std::holds_alternative<NewConfigMessage>(received.message)) {
        offered_config_ = std::move(received.fd);
    } else if (std::holds_alternative<NewSpecMessage>(received.message)) {
        adopt(read_launch_spec(received.fd.get()));
    } else if (const auto* outcome = std::get_if<ReloadOutcomeMessage>(&received.message)) {
        auto text = read_sealed(received.fd.get());
        leave_as_it_is(outcome->refused, text ? *text : text.error().message);
    } else {
        log::error("the reloader sent a message that is not for the guardian; ignored");
    }
}

void Guardian::on_reloader_ended() {
    const auto exit = bury(reloader_);
    if (!exit) return;
    if (reload_again_) return reloader_.restart->arm_in(kLater);
    reloader_.restart->disarm();
    if (!reload_decided_ && !ending_) leave_as_it_is(true, "the process that was to read it ended " + how(exit));
}

void Guardian::adopt(Result<LaunchSpec> next) {
    if (ending_) return;  // by the configuration that it began with
    if (!next || !offered_config_) {
        return leave_as_it_is(true, next ? "it came without its text" : next.error().message);
    }
    next->reload = ++reloads_;
    next->config_fd = offered_config_.get();
    next->recheck = std::max<Duration>(next->recheck, std::chrono::milliseconds(1));
    auto sealed = seal_launch_spec(*next);
    if (!sealed) return leave_as_it_is(true, sealed.error().message);
    reload_decided_ = true;
    const UniqueFd old_config(std::exchange(spec_.config_fd, -1));
    longest_stop_ = std::max(longest_stop_, longest_stop(spec_.workload));
    spec_ = std::move(*next);
    spec_fd_ = std::move(*sealed);
    offered_config_.release();
    last_outcome_ = {};
    log::init(spec_.logging, "guardian");
    log::info("the configuration has changed: {}", spec_.reload_text);
    service_manager_.end_reload();
    tell(supervisor_, NewSpecMessage{}, spec_fd_.get());  // before it hears of the agent to come
    tell(agent_, ReplacedMessage{});
}

void Guardian::leave_as_it_is(bool refused, const std::string& why) {
    reload_decided_ = true;
    if (refused) {
        log::error("the configuration stays as it is, because the new one is not possible: {}", why);
    } else {
        log::info("the configuration stays as it is: {}", why);
    }
    service_manager_.end_reload();
    auto text = seal_in_memory("leasehold-reload", why);
    if (!text) return log::error("{}", text.error().message);
    last_outcome_ = {ReloadOutcomeMessage{refused, ++reloads_}, std::move(*text)};
    tell_of_reload();
}

// Also an agent that is started later: it shows how the last one went.
void Guardian::tell_of_reload() {
    if (last_outcome_.text) tell(agent_, last_outcome_.message, last_outcome_.text.get());
}

}  // namespace leasehold::supervisor
