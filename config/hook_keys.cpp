// SPDX-License-Identifier: Apache-2.0
#include "config/hook_keys.h"

#include "config/key_makers.h"

namespace leasehold::config {

std::vector<Key> hook_keys() {
    return key_list(
        command_key(
            "workload.hooks.before_start",
            "Executed before each start of the workload; a failure means: do not start it, and resign.",
            [](auto& o) -> auto& { return o.workload.hooks.before_start; }),
        command_key(
            "workload.hooks.after_start", "Executed once the workload is ready.",
            [](auto& o) -> auto& { return o.workload.hooks.after_start; }),
        command_key(
            "workload.hooks.before_stop",
            "Executed before the workload is asked to stop; its time is part of workload.stop.grace_period.",
            [](auto& o) -> auto& { return o.workload.hooks.before_stop; }),
        command_key(
            "workload.hooks.after_stop", "Executed when nothing is left of the workload, with the lease still held.",
            [](auto& o) -> auto& { return o.workload.hooks.after_stop; }),
        command_key(
            "workload.hooks.on_new_leader",
            "Executed by every candidate when another holds the lease than before; LEASEHOLD_LEADER names it.",
            [](auto& o) -> auto& { return o.workload.hooks.on_new_leader; }),
        scalar_key(
            "workload.hooks.timeout", "How long each of them may take.", positive_duration_form(),
            [](auto& o) -> auto& { return o.workload.hooks.timeout; }));
}

}  // namespace leasehold::config
