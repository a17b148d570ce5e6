// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/exec_plugin.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "base/clock.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::kubernetes {
namespace {

// How long before the end new credentials are asked for: a quarter of their life, but no more than this.
constexpr Duration kMostAhead = std::chrono::minutes(5);
constexpr Duration kLeastPause = std::chrono::seconds(2);  // a plugin with a cache gives the same ones again
constexpr Duration kPauseAfterFailure = std::chrono::seconds(30);
// A life that nobody waits for the end of, and that no calculation with instants overflows with.
constexpr Duration kLongestLife = std::chrono::hours(24 * 365);

}  // namespace

Result<std::unique_ptr<ExecPlugin>> ExecPlugin::create(EventLoop& loop, ExecCommand command, Duration limit,
                                                       WallClock wall_clock) {
    std::unique_ptr<ExecPlugin> plugin(new ExecPlugin(std::move(command), limit, std::move(wall_clock)));
    plugin->loop_ = &loop;
    auto timer = Timer::create(loop, [plugin = plugin.get()] { plugin->answer(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    plugin->answer_timer_ = std::move(*timer);
    return plugin;
}

const ExecCredential* ExecPlugin::credential() const {
    if (!credential_ || (expires_ && reached_on_any_clock(*expires_, now()))) return nullptr;
    return &*credential_;
}

bool ExecPlugin::is_due() const {
    return !running_ && credential_ && ask_again_ && reached_on_any_clock(*ask_again_, now());
}

void ExecPlugin::run(const std::string& info, Done done) {
    if (done) waiting_.push_back(std::move(done));
    if (running_) return;
    running_ = true;
    PluginCall call;
    call.arguments.push_back(command_.command);
    call.arguments.insert(call.arguments.end(), command_.arguments.begin(), command_.arguments.end());
    std::map<std::string, std::string> environment;  // of a name that is there twice the last value counts
    for (const auto& [name, value] : command_.environment) environment[name] = value;
    environment["KUBERNETES_EXEC_INFO"] = info;
    for (const auto& [name, value] : environment) call.environment.push_back(name + "=" + value);
    auto process =
        PluginProcess::start(*loop_, call, limit_, [this](const Result<std::string>& printed) { on_printed(printed); });
    if (process) {
        process_ = std::move(*process);
    } else {
        on_printed(tl::unexpected<Error>(process.error()));
    }
}

// From the process, or from inside run(): the answers come from the loop in either case.
void ExecPlugin::on_printed(const Result<std::string>& printed) {
    Result<ExecCredential> made =
        printed ? parse_exec_credential(command_, *printed) : tl::unexpected<Error>(printed.error());
    if (made) {
        take(std::move(*made));
        outcome_ = {};
    } else {
        const Error error = explained(made.error());
        problem_ = error.message;
        outcome_ = tl::unexpected<Error>(error);
        if (ask_again_) ask_again_ = now() + kPauseAfterFailure;
    }
    answer_timer_->arm_in(Duration::zero());
}

void ExecPlugin::take(ExecCredential credential) {
    problem_.clear();
    expires_.reset();
    ask_again_.reset();
    credential_ = std::move(credential);
    if (!credential_->expires_us) return;
    using std::chrono::microseconds;
    const auto wall = std::chrono::duration_cast<microseconds>(wall_clock_().time_since_epoch());
    const microseconds left = microseconds(*credential_->expires_us) - wall;
    if (left <= microseconds::zero()) {
        problem_ = "the plugin " + shown(command_.command) +
                   " gave credentials that have expired, as this machine's clock sees it; they are tried all the same";
        return;
    }
    const Duration life = left < kLongestLife ? Duration(left) : kLongestLife;
    const Instant at = now();
    expires_ = at + life;
    ask_again_ = at + std::max(life - std::min(life / 4, kMostAhead), kLeastPause);
}

void ExecPlugin::answer() {
    process_.reset();
    running_ = false;
    const Result<void> outcome = outcome_;
    const std::vector<Done> waiting = std::exchange(waiting_, {});
    const std::weak_ptr<char> alive = alive_;
    for (const Done& done : waiting) {
        if (alive.expired()) return;
        done(outcome);
    }
}

Error ExecPlugin::explained(const Error& error) const {
    std::string message = "the plugin " + shown(command_.command) + " " + error.message;
    if (error.code == ENOENT) {
        const std::string hint = shown(command_.install_hint, 500);
        message = "the plugin " + shown(command_.command) +
                  " is not there (nor is what its first line may name); install it, or correct the kubeconfig";
        if (!hint.empty()) message += ": " + hint;
    }
    return Error{message, error.code};
}

}  // namespace leasehold::stores::kubernetes
