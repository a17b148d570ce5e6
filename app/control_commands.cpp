// SPDX-License-Identifier: Apache-2.0
#include "app/control_commands.h"

#include <cstdio>
#include <optional>

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include "app/control_socket.h"
#include "app/exit_status.h"
#include "app/load.h"
#include "app/status_text.h"
#include "base/clock.h"

namespace leasehold::app {
namespace {

constexpr Duration kPatience = std::chrono::seconds(10);
constexpr Duration kReloadPatience = std::chrono::minutes(1);
constexpr int kLookAgainMs = 100;
constexpr int kWatchMs = 1000;

// Blocking: these are commands of their own, with nothing else to do.
void wait_for(int milliseconds) { poll(nullptr, 0, milliseconds); }

void flush_to_reader(std::FILE* stream) {
    if (std::fflush(stream) != 0) std::clearerr(stream);  // whoever read it has gone
}

std::optional<std::string> socket_of(const ControlArguments& arguments) {
    if (arguments.config.empty() == arguments.socket.empty()) {
        complain("say which leasehold is meant: either --config FILE or --socket PATH");
        return std::nullopt;
    }
    if (!arguments.socket.empty()) return arguments.socket;
    const auto options = load_or_complain(arguments.config, {config::process_environment(), true});
    if (!options) {
        complain("with --socket PATH a running leasehold answers all the same");
        return std::nullopt;
    }
    if (!options->control.socket.empty()) return options->control.socket;
    complain(arguments.config +
             ": control.socket is not set, so there is no way to a running leasehold; set it and start anew (its "
             "/status says over HTTP how it is meanwhile)");
    return std::nullopt;
}

const Json& member_of(const Json& object, const char* key) {
    static const Json none;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found == object.end() ? none : *found;
}

// 0: there is none.
std::int64_t whole_number_in(const Json& object, const char* key) {
    const Json& value = member_of(object, key);
    return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

class ControlSession {
public:
    ControlSession(const ControlArguments& arguments, std::string socket)
        : arguments_(arguments), socket_(std::move(socket)) {}

    int run() {
        if (arguments_.watch) return watch();
        const auto answer = ask({arguments_.command, arguments_.successor});
        if (!answer) return fail(answer.error());
        if (answer->kind == ControlAnswer::Kind::not_understood) return fail({answer->message, 0});
        if (answer->kind == ControlAnswer::Kind::refused) return finish(*answer, kRefused);
        if (arguments_.no_wait) return finish(*answer, 0);
        if (arguments_.command == ControlCommand::resign) return await_release(*answer);
        if (arguments_.command == ControlCommand::restart) return await_restart(*answer);
        if (arguments_.command == ControlCommand::reload) return await_reload(*answer);
        return finish(*answer, 0);
    }

private:
    Result<ControlAnswer> ask(const ControlRequest& request) const {
        return ask_over_socket(socket_, to_line(request), kPatience).and_then([](const std::string& line) {
            return parse_answer(line);
        });
    }

    int fail(const Error& error) const {
        if (arguments_.json) {
            fmt::print("{}\n", Json{{"result", "no_answer"}, {"message", error.message}}.dump(
                                   -1, ' ', false, Json::error_handler_t::replace));
        }
        complain(error.message);
        return kLeaseholdFailed;
    }

    int finish(const ControlAnswer& answer, int status) const {
        if (arguments_.command == ControlCommand::status) {
            print_status(answer);
        } else if (arguments_.json) {
            fmt::print("{}", to_line(answer));
        } else if (status == 0) {
            fmt::print("{}\n", answer.message);
        } else {
            complain(answer.message);
        }
        return status;
    }

    void print_status(const ControlAnswer& answer) const {
        if (arguments_.json) {
            const int indent = arguments_.watch ? -1 : 2;
            fmt::print("{}\n", answer.status.dump(indent, ' ', false, Json::error_handler_t::replace));
        } else {
            const std::chrono::duration<double> since_epoch = wall_now().time_since_epoch();
            fmt::print("{}", status_text(answer.status, since_epoch.count()));
        }
    }

    // Until interrupted. One that does not answer may come back.
    int watch() const {
        const bool clears = isatty(STDOUT_FILENO) == 1 && !arguments_.json;
        for (bool first = true;; first = false) {
            const auto answer = ask({ControlCommand::status, {}});
            if (!answer && first) return fail(answer.error());
            if (clears) fmt::print("\x1b[H\x1b[2J");
            if (!clears && !first && !arguments_.json) fmt::print("\n");
            if (answer) {
                print_status(*answer);
            } else {
                (void)fail(answer.error());
            }
            flush_to_reader(stdout);
            wait_for(kWatchMs);
        }
    }

    void tell_of_waiting(const std::string& what) const {
        if (!arguments_.json) fmt::print("{}\n", what);
        flush_to_reader(stdout);
    }

    // Whoever does not answer once is asked again: an agent that is started anew meanwhile takes the term over.
    Result<ControlAnswer> look_again() const {
        wait_for(kLookAgainMs);
        auto next = ask({ControlCommand::status, {}});
        return next ? next : ask({ControlCommand::status, {}});
    }

    int await_release(ControlAnswer answer) const {
        const auto term = whole_number_in(answer.status, "term");
        tell_of_waiting("resigning; waiting until the workload has ended and the lease is released");
        while (whole_number_in(answer.status, "term") == term) {
            auto next = look_again();
            if (!next) return fail(next.error());
            answer = std::move(*next);
        }
        const Json& end = member_of(answer.status, "last_end");
        const bool known = whole_number_in(end, "term") == term;
        if (known && member_of(end, "released") == Json(true)) {
            answer.message = "resigned: the lease is released";
            return finish(answer, 0);
        }
        answer.kind = ControlAnswer::Kind::refused;
        answer.message = known ? "the workload has ended, but the lease could not be released: it runs out by itself"
                               : "the term has ended, but it is not known whether the lease was released; see status";
        return finish(answer, kRefused);
    }

    // Of the workload, or of the standby command. What is wanted ends with the term, or when one begins.
    int await_restart(ControlAnswer answer) const {
        const bool of_standby =
            answer.status.is_object() && answer.status.contains("role") && answer.status["role"] == "standby";
        const char* const member = of_standby ? "standby" : "workload";
        const char* const what = of_standby ? "the standby command" : "the workload";
        const auto pid = [&] { return whole_number_in(member_of(answer.status, member), "pid"); };
        const auto term = whole_number_in(answer.status, "term");
        const auto before = pid();
        tell_of_waiting(fmt::format("waiting until {} has ended and was started again", what));
        while (whole_number_in(answer.status, "term") == term && (pid() == 0 || pid() == before)) {
            auto next = look_again();
            if (!next) return fail(next.error());
            answer = std::move(*next);
        }
        if (whole_number_in(answer.status, "term") != term) {
            answer.kind = ControlAnswer::Kind::refused;
            answer.message = fmt::format("{} meanwhile, and {} was not started again; see status",
                                         of_standby ? "a term has begun" : "the term has ended", what);
            return finish(answer, kRefused);
        }
        answer.message = fmt::format("started {} anew, process {}", what, pid());
        return finish(answer, 0);
    }

    // The agent that answers may be another one by then.
    int await_reload(ControlAnswer answer) const {
        const auto number = [&] { return whole_number_in(member_of(answer.status, "last_reload"), "number"); };
        const auto before = number();
        for (Instant until = now() + kReloadPatience; number() == before;) {
            if (reached_on_any_clock(until, now())) return fail({"it is not known what became of the reload", 0});
            auto next = look_again();
            if (!next) return fail(next.error());
            answer = std::move(*next);
        }
        const Json& last = member_of(answer.status, "last_reload");
        const bool successful = member_of(last, "successful") == Json(true);
        const Json& text = member_of(last, "text");
        answer.message = successful ? "" : "nothing has changed: ";
        if (text.is_string()) answer.message += text.get<std::string>();
        if (!successful) answer.kind = ControlAnswer::Kind::refused;
        return finish(answer, successful ? 0 : kRefused);
    }

    const ControlArguments& arguments_;
    std::string socket_;
};

}  // namespace

int control_command(const ControlArguments& arguments) {
    const auto socket = socket_of(arguments);
    if (!socket) return kUsage;
    return ControlSession(arguments, *socket).run();
}

}  // namespace leasehold::app
