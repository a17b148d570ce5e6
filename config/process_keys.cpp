// SPDX-License-Identifier: Apache-2.0
#include "config/process_keys.h"

#include "config/key_makers.h"

namespace leasehold::config {
namespace {

Key supplementary_groups() {
    Key key = list_key(
        "workload.supplementary_groups", "Further groups of the workload; auto: those of its user.", account_form(),
        [](auto& o) -> auto& { return o.workload.process.supplementary_groups; });
    key.example = "[auto, audio]";
    return key;
}

Key limits() {
    Key key = mapping_key(
        "workload.limits", "Resource limits of the workload, by the names of prlimit(1); one number, or SOFT:HARD.",
        limit_name_form(), limit_form(), [](auto& o) -> auto& { return o.workload.process.limits; });
    key.example = "{nofile: 65536, core: 0}";
    return key;
}

}  // namespace

std::vector<Key> process_keys() {
    return key_list(
        scalar_key(
            "workload.user", "The user that the workload runs as; leasehold's own if empty or not given.",
            account_form(), [](auto& o) -> auto& { return o.workload.process.user; }),
        scalar_key(
            "workload.group", "Its group; that of the user if empty or not given.", account_form(),
            [](auto& o) -> auto& { return o.workload.process.group; }),
        supplementary_groups(),
        scalar_key(
            "workload.umask", "The permissions that new files of the workload do not get.", umask_form(),
            [](auto& o) -> auto& { return o.workload.process.umask; }),
        limits(),
        scalar_key(
            "workload.working_directory", "The folder in which the workload starts; leasehold's own if empty.",
            absolute_path_form(), [](auto& o) -> auto& { return o.workload.process.working_directory; }),
        scalar_key(
            "workload.env_file", "A file of NAME=value lines that are added to the workload's environment.",
            absolute_path_form(), [](auto& o) -> auto& { return o.workload.process.env_file; }),
        scalar_key(
            "workload.clear_env", "Whether the workload gets nothing of leasehold's own environment but PATH and TERM.",
            boolean_form(), [](auto& o) -> auto& { return o.workload.process.clear_env; }),
        scalar_key(
            "workload.nice", "The workload's nice value.", inheritable_form(-20, 19),
            [](auto& o) -> auto& { return o.workload.process.nice; }),
        scalar_key(
            "workload.oom_score_adj", "How readily the kernel kills the workload when memory is short.",
            inheritable_form(-1000, 1000), [](auto& o) -> auto& { return o.workload.process.oom_score_adj; }));
}

}  // namespace leasehold::config
