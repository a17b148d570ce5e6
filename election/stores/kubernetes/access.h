// SPDX-License-Identifier: Apache-2.0
//
// How to reach a cluster's API server, and as whom: the service account of the pod, or a kubeconfig.
//
// Where it is looked for, in the order of controller-runtime (pkg/client/config): `options.kubeconfig` if given; else
// $KUBECONFIG; else the service account files when KUBERNETES_SERVICE_HOST is set; else ~/.kube/config. With
// `options.service_account_only` nothing but the service account files.
//
// Threads: the loop's, which must be the main thread where a plugin is used. Blocking: create() and current() read
// small local files (a mounted secret, a kubeconfig); an exec plugin runs as a child process and never blocks.
//
// As in client-go, credentials are not sent over plain http, and a user's token, password or certificate goes before
// its plugin (tools/clientcmd/client_config.go; plugin/pkg/client/auth/exec/exec.go). The server stays what it was in
// the beginning, whatever becomes of the kubeconfig: another server has another lease.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "base/time.h"
#include "election/stores/http/client.h"
#include "election/stores/kubernetes/options.h"

namespace leasehold::stores::kubernetes {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct AccessPlaces {  // for tests; the defaults are the real ones
    std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
    Duration plugin_limit = std::chrono::seconds(30);
    Duration plugin_pause = std::chrono::seconds(10);  // between two runs that a refused credential asked for
    std::function<std::chrono::system_clock::time_point()> wall_clock = wall_now;
};

class Access {
public:
    // Reads and checks everything once. An error is one sentence that names the file, the context or the variable, and
    // what to do. Starts no plugin yet.
    static Result<std::unique_ptr<Access>> create(EventLoop& loop, const KubernetesOptions& options,
                                                  const Environment& environment, const AccessPlaces& places = {});
    virtual ~Access() = default;

    // Facts that do not change afterwards.
    virtual const std::string& namespace_name() const = 0;  // after all defaults
    // Of the pod that we are: $POD_NAMESPACE, or the service account's; where neither is, namespace_name().
    virtual const std::string& pod_namespace() const = 0;
    virtual const std::string& origin() const = 0;  // "the service account", "/root/.kube/config, context dev"
    virtual const std::vector<std::string>& warnings() const = 0;  // verification is off, ...

    // What to use for the next request. Cheap: files are read again only when they changed (a rotated token, a new CA);
    // what is half-written or unreadable leaves the last good value in force, and `problem` says so.
    struct Current {
        http::Peer peer;
        std::string authorization;  // the header's value: "Bearer ...", "Basic ..."; empty: none. A secret
        std::string problem;        // for people; empty if all is well
        bool ready = true;          // false: a plugin has to be asked first, see refresh()
    };
    virtual Current current() = 0;

    // Gets new credentials after a 401, or because current() is not ready: reads the files whatever their times say,
    // runs the plugin. Calls back once, never from inside; an error when there are none newer than before. Calls while
    // one is under way are answered together with it. A plugin whose credentials are refused is not run again within
    // ten seconds. A callback may destroy this object; nobody else is answered then.
    virtual void refresh(std::function<void(Result<void>)> done) = 0;
};

}  // namespace leasehold::stores::kubernetes
