// SPDX-License-Identifier: Apache-2.0
//
// leasehold in the place of leader-elector.
#include <cstdio>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/exit_status.h"
#include "app/identity.h"
#include "app/leader_elector_flags.h"
#include "app/load.h"
#include "app/sidecar.h"
#include "base/log.h"

namespace leasehold::app {

int leader_elector_command(const std::vector<std::string>& arguments) {
    const auto host = host_name();
    if (!host) {
        complain(host.error().message);
        return kLeaseholdFailed;
    }
    const auto [drop_in, problems] = parse_leader_elector(arguments, *host);
    for (const std::string& problem : problems) complain(problem);
    if (!problems.empty()) {
        fmt::print(stderr, "{}", leader_elector_usage());
        return kUsage;
    }
    if (drop_in.help) {
        fmt::print("{}", leader_elector_usage());
        return 0;
    }
    log::init({}, "sidecar");
    if (!drop_in.ignored.empty()) log::info("ignored: {}", fmt::join(drop_in.ignored, ", "));
    return run_sidecar(options_of(drop_in));
}

}  // namespace leasehold::app
