// SPDX-License-Identifier: Apache-2.0
//
// Kubeconfig files: several are merged, a context is chosen, and its cluster and user are checked. As client-go does it
// (tools/clientcmd: loader.go, validation.go, client_config.go), except that
//   - only the entries in use are checked,
//   - a user that the context names must be there, and impersonation is refused: both would make somebody else of us,
//   - the server must have a scheme.
//
// Threads: any. Blocking: reads local files. Error messages name file and entry, and never hold a secret.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "election/stores/kubernetes/cluster_target.h"

namespace leasehold::stores::kubernetes {

struct KubeconfigFiles {
    std::vector<std::string> paths;  // absolute; of what is in several, the first counts
    bool all_must_exist = false;     // otherwise one is enough
};

// Paths separated by ':' as in $PATH; relative ones are made absolute, empty ones and repetitions left out.
std::vector<std::string> split_paths(const std::string& list);

struct KubeconfigChoice {
    ClusterTarget target;
    std::string context;
    std::string file;            // where the context stands
    std::string namespace_name;  // the context's; may be empty
    std::vector<std::string> warnings;
};

// `context`: empty means the files' current-context.
Result<KubeconfigChoice> choose_from_kubeconfig(const KubeconfigFiles& files, const std::string& context);

}  // namespace leasehold::stores::kubernetes
