// SPDX-License-Identifier: Apache-2.0
#include "app/kubernetes.h"

#include <array>
#include <cstdlib>
#include <vector>

#include <fmt/core.h>
#include <unistd.h>

#include "app/exit_status.h"
#include "app/load.h"
#include "base/log.h"
#include "config/config.h"
#include "election/stores/kubernetes/access.h"
#include "election/stores/kubernetes/kubernetes_store.h"
#include "election/stores/kubernetes/probe.h"

namespace leasehold::app {
namespace {

using stores::KubernetesOptions;
using stores::kubernetes::Json;

// In a cluster the host's name is the pod's, unless the pod's spec says otherwise.
std::string pod_name(const KubernetesOptions& options) {
    if (!options.pod.empty()) return options.pod;
    const auto environment = config::process_environment();
    if (const auto named = environment("POD_NAME"); named && !named->empty()) return *named;
    if (!environment("KUBERNETES_SERVICE_HOST")) return {};
    std::array<char, 256> host{};
    return gethostname(host.data(), host.size() - 1) == 0 ? host.data() : std::string();
}

// "apps/v1/Deployment/billing/<uid>", counted from the end; checked at load.
Json owner_reference(std::string text) {
    if (text.empty()) return nullptr;
    std::vector<std::string> parts;
    for (int i = 0; i < 3; ++i) {
        const std::size_t slash = text.rfind('/');
        parts.push_back(text.substr(slash + 1));
        text.resize(slash);
    }
    return {{"apiVersion", text}, {"kind", parts[2]}, {"name", parts[1]}, {"uid", parts[0]}};
}

}  // namespace

Result<KubernetesParts> open_kubernetes(EventLoop& loop, const config::Options& options) {
    const KubernetesOptions& wanted = options.election.store.kubernetes;
    auto access = stores::kubernetes::Access::create(loop, wanted, config::process_environment());
    if (!access) return tl::unexpected<Error>(access.error());
    for (const std::string& warning : (*access)->warnings()) log::warn("kubernetes: {}", warning);
    auto api = stores::kubernetes::Api::create(loop, std::move(*access));
    if (!api) return tl::unexpected<Error>(api.error());

    KubernetesParts parts;
    parts.api = std::move(*api);
    parts.lock.lock = wanted.lock;
    parts.lock.namespace_name = parts.api->access().namespace_name();
    parts.lock.name = wanted.name.empty() ? options.election.name : wanted.name;
    parts.lock.owner = owner_reference(wanted.owner);
    const auto seen = std::make_shared<election::Version>();
    parts.store = stores::kubernetes::open_kubernetes_store(loop, parts.api, parts.lock, seen);
    auto announcer =
        stores::kubernetes::Announcer::create(loop, parts.api,
                                              {parts.lock, seen, options.identity, wanted.events, wanted.role_label,
                                               pod_name(wanted), parts.api->access().pod_namespace()});
    if (!announcer) return tl::unexpected<Error>(announcer.error());
    parts.announcer = std::move(*announcer);
    return parts;
}

stores::kubernetes::Needs needs_of_a_run(const KubernetesParts& parts, const config::Options& options) {
    return {stores::kubernetes::actions_of_a_run(options.election.store.kubernetes, parts.lock.name,
                                                 parts.lock.namespace_name, parts.api->access().pod_namespace()),
            "leasehold-" + parts.lock.name};
}

std::string lock_id(const KubernetesParts& parts) {
    return fmt::format("kubernetes {} {} {} {}", parts.api->server(),
                       stores::kubernetes::kind_of(parts.lock.lock).resource, parts.lock.namespace_name,
                       parts.lock.name);
}

int probe_kubernetes(const config::Options& options) {
    auto loop = EventLoop::create();
    if (!loop) {
        complain(loop.error().message);
        return kLeaseholdFailed;
    }
    auto parts = open_kubernetes(**loop, options);
    if (!parts) {
        complain(parts.error().message);
        return kLeaseholdFailed;
    }
    fmt::print("Store: {}, by {}\n", parts->store->describe(), parts->api->access().origin());
    bool good = false;
    stores::kubernetes::Probe probe(*parts->api, *parts->store, needs_of_a_run(*parts, options),
                                    [&](const stores::kubernetes::ProbeResult& result) {
                                        fmt::print("{}", result.text);
                                        good = result.good;
                                        (*loop)->stop();
                                    });
    probe.start();
    if (auto ran = (*loop)->run(); !ran) complain(ran.error().message);
    return good ? 0 : kLeaseholdFailed;
}

}  // namespace leasehold::app
