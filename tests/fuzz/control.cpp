// SPDX-License-Identifier: Apache-2.0
//
// What people and programs say to a candidate.  0: a request on the control socket;  1: an answer on it;  2: a datagram
// of sd_notify(3);  3: leader-elector's flags, one a line.
#include "app/control_protocol.h"
#include "app/leader_elector_flags.h"
#include "app/notices.h"
#include "config/config.h"
#include "config/forms.h"
#include "election/core/timing.h"
#include "fuzz.h"

namespace leasehold::fuzz {
namespace {

using namespace app;

void check_request(std::string_view text) {
    const auto request = parse_request(text);
    if (!request) {
        const std::string answer =
            to_line(ControlAnswer{ControlAnswer::Kind::not_understood, request.error().message, {}});
        require(answer.find('\n') == answer.size() - 1, "an answer is one line");
        return;
    }
    require(request->successor.empty() || request->command == ControlCommand::resign,
            "nothing but a resignation has a successor");
    require(request->successor.empty() || config::identity_form().read(request->successor).has_value(),
            "a successor is an identity");
    const std::string line = to_line(*request);
    require(line.find('\n') == line.size() - 1, "a request is one line");
    const auto again = parse_request(line);
    require(again && again->command == request->command && again->successor == request->successor,
            "a request that is written again is the same");
}

void check_answer(std::string_view text) {
    const auto answer = parse_answer(text);
    if (!answer) return;
    const std::string line = to_line(*answer);
    require(line.find('\n') == line.size() - 1, "an answer is one line");
    const auto again = parse_answer(line);
    require(again && again->kind == answer->kind && again->message == answer->message, "an answer is stable");
    require(again->status == answer->status, "an answer keeps its status");
}

void check_notice(std::string_view text) {
    const Notice notice = notice_in(text);
    if (notice.status) {
        require(is_line(*notice.status), "what a workload says that it does is one printable line");
        require(notice.status->size() <= 4 * Notice::kMostStatus + 3, "what a workload says has an end");
    }
    require(!notice.ready || text.find("READY=1") != std::string_view::npos, "who has not said it is not ready");
}

void check_flags(std::string_view text) {
    std::vector<std::string> arguments;
    while (!text.empty()) arguments.emplace_back(take_until(text, '\n'));
    const ParsedFlags parsed = parse_leader_elector(arguments, "host-1");
    is_leader_elector(arguments);
    for (const std::string& problem : parsed.problems) require(!problem.empty(), "a problem says what is wrong");
    if (parsed.drop_in.help || !parsed.problems.empty()) return;
    const config::Options options = options_of(parsed.drop_in);
    require(config::election_name_form().read(options.election.name).has_value(), "a lock that is accepted has a name");
    require(config::identity_form().read(options.identity).has_value(), "a candidate that is accepted has an identity");
    require(election::check(options.election.timing).empty(), "a ttl that is accepted can hold");
    const auto settings = config::LoadSettings{[](const std::string&) { return std::nullopt; }, true};
    const auto again = config::load_text(config::to_yaml(options, false), settings);
    require(again.problems.empty(), "flags that are accepted can stand in a file");
}

}  // namespace
}  // namespace leasehold::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace leasehold::fuzz;
    const auto [kind, text] = input_of(data, size, 4);
    if (kind == 0) check_request(text);
    if (kind == 1) check_answer(text);
    if (kind == 2) check_notice(text);
    if (kind == 3) check_flags(text);
    return 0;
}
