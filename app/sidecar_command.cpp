// SPDX-License-Identifier: Apache-2.0
#include "app/commands.h"
#include "app/exit_status.h"
#include "app/load.h"
#include "app/sidecar.h"

namespace leasehold::app {

int sidecar_command(const std::string& config) {
    auto options = load_or_complain(config, {config::process_environment(), true});
    if (!options) return kUsage;
    return run_sidecar(std::move(*options));
}

}  // namespace leasehold::app
