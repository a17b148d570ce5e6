// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/client_go_candidate.h"

#include <utility>

#include "tests/servers/kube_api.h"

namespace leasehold::servers {
namespace {

harness::Process start(const ClientGoOptions& options) {
    std::vector<std::string> arguments{KubeApi::program("client_go_candidate"),
                                       "-kubeconfig=" + options.kubeconfig,
                                       "-namespace=" + options.namespace_name,
                                       "-name=" + options.name,
                                       "-lock=" + options.lock,
                                       "-identity=" + options.identity,
                                       "-lease-duration=" + options.lease_duration,
                                       "-renew-deadline=" + options.renew_deadline,
                                       "-retry-period=" + options.retry_period};
    if (options.release_on_cancel) arguments.emplace_back("-release-on-cancel");
    if (options.plain) arguments.emplace_back("-plain");
    if (!options.command.empty()) {
        arguments.push_back("-exec=" + options.command.front());
        arguments.emplace_back("--");
        arguments.insert(arguments.end(), options.command.begin() + 1, options.command.end());
    }
    return harness::Process(
        {.arguments = arguments, .output = options.folder + '/' + options.identity + ".log", .environment = {}});
}

}  // namespace

ClientGoCandidate::ClientGoCandidate(ClientGoOptions options)
    : options_(std::move(options)), process_(start(options_)) {}

}  // namespace leasehold::servers
