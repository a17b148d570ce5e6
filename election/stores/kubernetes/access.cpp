// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/access.h"

#include <cerrno>
#include <utility>

#include "election/stores/kubernetes/exec_plugin.h"
#include "election/stores/kubernetes/in_cluster.h"
#include "election/stores/kubernetes/kubeconfig.h"
#include "election/stores/kubernetes/live_credentials.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::kubernetes {
namespace {

// What was found in the beginning.
struct Found {
    ClusterTarget target;
    std::string namespace_name;  // as it says; may be empty
    std::string origin;
    std::vector<std::string> warnings;
    KubeconfigFiles files;  // none: the service account
    std::string context;
};

Result<Found> find_kubeconfig(KubeconfigFiles files, const std::string& context) {
    auto choice = choose_from_kubeconfig(files, context);
    if (!choice) return tl::unexpected<Error>(choice.error());
    Found found;
    found.target = std::move(choice->target);
    found.namespace_name = std::move(choice->namespace_name);
    found.origin = choice->file + ", context " + shown(choice->context);
    found.warnings = std::move(choice->warnings);
    found.files = std::move(files);
    found.context = std::move(choice->context);
    return found;
}

Result<Found> find_service_account(const Environment& environment, const std::string& folder) {
    auto target = in_cluster_target(environment, folder);
    if (!target) return tl::unexpected<Error>(target.error());
    Found found;
    found.target = std::move(*target);
    found.origin = "the service account";
    return found;
}

Result<Found> find_cluster(const KubernetesOptions& options, const Environment& environment,
                           const AccessPlaces& places) {
    const bool in_pod = !environment("KUBERNETES_SERVICE_HOST").value_or("").empty();
    if (options.service_account_only) {
        if (in_pod) return find_service_account(environment, places.service_account);
        return failure("--use-cluster-credentials needs a pod: KUBERNETES_SERVICE_HOST is not set");
    }
    if (!options.kubeconfig.empty()) {
        auto paths = split_paths(options.kubeconfig);
        if (paths.empty()) return failure("election.store.kubernetes.kubeconfig names no file");
        return find_kubeconfig({std::move(paths), true}, options.context);
    }
    const std::string listed = environment("KUBECONFIG").value_or("");
    if (auto paths = split_paths(listed); !paths.empty()) {
        auto found = find_kubeconfig({std::move(paths), false}, options.context);
        if (!found && found.error().code == ENOENT) return failure("$KUBECONFIG: " + found.error().message);
        return found;
    }
    if (in_pod) {
        if (options.context.empty()) return find_service_account(environment, places.service_account);
        return failure(
            "election.store.kubernetes.context is set but no kubeconfig; in a pod the service account is used, "
            "which has no contexts: remove the one or set the other");
    }
    const std::string home = environment("HOME").value_or("");
    if (!home.empty()) {
        auto found = find_kubeconfig({split_paths(home + "/.kube/config"), false}, options.context);
        if (found || found.error().code != ENOENT) return found;
    }
    return failure("no cluster is given: set election.store.kubernetes.kubeconfig or $KUBECONFIG to a kubeconfig (" +
                   (home.empty() ? "$HOME is not set" : home + "/.kube/config does not exist") +
                   "), or run in a pod, where KUBERNETES_SERVICE_HOST is set");
}

Result<std::string> choose_namespace(const KubernetesOptions& options, const Found& found, const AccessPlaces& places) {
    if (!options.namespace_name.empty()) return options.namespace_name;
    if (!found.namespace_name.empty()) return found.namespace_name;
    auto own = namespace_of_service_account(places.service_account);
    if (!own) return tl::unexpected<Error>(own.error());
    return own->value_or("default");
}

std::string choose_pod_namespace(const Environment& environment, const AccessPlaces& places,
                                 const std::string& otherwise) {
    if (const auto named = environment("POD_NAMESPACE").value_or(""); is_dns_label(named)) return named;
    const auto own = namespace_of_service_account(places.service_account);
    return own && *own ? **own : otherwise;
}

class FoundAccess : public Access {
public:
    FoundAccess(EventLoop& loop, const KubernetesOptions& options, const AccessPlaces& places, Found found)
        : loop_(loop), options_(options), places_(places), found_(std::move(found)) {}

    Result<void> open(const Environment& environment) {
        if (!options_.proxy_url.empty()) {
            if (auto done = check_proxy_url(options_.proxy_url); !done) {
                return failure("election.store.kubernetes.proxy_url " + done.error().message);
            }
        }
        auto own = choose_namespace(options_, found_, places_);
        if (!own) return tl::unexpected<Error>(own.error());
        found_.namespace_name = std::move(*own);
        pod_namespace_ = choose_pod_namespace(environment, places_, found_.namespace_name);
        auto timer = Timer::create(loop_, [this] { answer({}); });
        if (!timer) return tl::unexpected<Error>(timer.error());
        answer_timer_ = std::move(*timer);
        return use(found_.target);
    }

    const std::string& namespace_name() const override { return found_.namespace_name; }
    const std::string& pod_namespace() const override { return pod_namespace_; }
    const std::string& origin() const override { return found_.origin; }
    const std::vector<std::string>& warnings() const override { return found_.warnings; }

    Current current() override {
        live_->check(false);
        if (plugin_ && plugin_->is_due()) plugin_->run(info_for_plugin(), {});
        return as_it_is();
    }

    void refresh(std::function<void(Result<void>)> done) override {
        waiting_.push_back(std::move(done));
        if (waiting_.size() > 1) return;
        before_ = as_it_is();
        reread_kubeconfig();
        live_->check(true);
        if (plugin_ && !asked_in_vain()) {
            plugin_->run(info_for_plugin(), [this](const Result<void>& outcome) { answer(outcome); });
        } else {
            answer_timer_->arm_in(Duration::zero());
        }
    }

private:
    Result<void> use(ClusterTarget target) {
        target.server = found_.target.server;
        if (!options_.proxy_url.empty()) target.proxy_url = options_.proxy_url;
        auto live = LiveCredentials::open(std::move(target));
        if (!live) {
            return failure(live.error().message + (found_.files.paths.empty() ? service_account_advice() : ""));
        }
        const std::optional<ExecCommand>& command = (*live)->target().exec;
        std::unique_ptr<ExecPlugin> plugin;
        const bool same = command && plugin_ && plugin_->command() == *command;
        if (command && !same) {
            auto made = ExecPlugin::create(loop_, *command, places_.plugin_limit, places_.wall_clock);
            if (!made) return tl::unexpected<Error>(made.error());
            plugin = std::move(*made);
        }
        live_ = std::move(*live);
        if (!same) {
            plugin_ = std::move(plugin);
            refused_at_.reset();
        }
        return {};
    }

    // What is refused although it was got lately will be refused again, and a plugin may be costly.
    bool asked_in_vain() {
        if (plugin_->credential() == nullptr) return false;
        if (refused_at_ && elapsed_at_most(*refused_at_, now()) < places_.plugin_pause) return true;
        refused_at_ = now();
        return false;
    }

    // Some tools write new tokens into the kubeconfig itself.
    void reread_kubeconfig() {
        if (found_.files.paths.empty()) return;
        auto choice = choose_from_kubeconfig(found_.files, found_.context);
        if (!choice) {
            problem_ = choice.error().message + "; what the kubeconfig held before stays in use";
            return;
        }
        problem_.clear();
        if (choice->target.server != found_.target.server) {
            problem_ = found_.origin + " now leads to " + choice->target.server + " instead of " +
                       found_.target.server + ", which is not followed; start leasehold anew to go there";
            return;
        }
        if (found_.target.verify && !choice->target.verify) {
            problem_ = found_.origin +
                       " now turns the verification of certificates off, which is not followed; start "
                       "leasehold anew to have it so";
            return;
        }
        ClusterTarget wanted = choice->target;
        if (!options_.proxy_url.empty()) wanted.proxy_url = options_.proxy_url;
        if (wanted == live_->target()) return;
        if (auto done = use(std::move(choice->target)); !done) {
            problem_ = done.error().message + "; what the kubeconfig led to before stays in use";
        }
    }

    std::string info_for_plugin() const { return exec_info(plugin_->command(), live_->target(), live_->peer().ca_pem); }

    Current as_it_is() const {
        Current as_is;
        as_is.peer = live_->peer();
        as_is.peer.proxy_from_environment = options_.proxy_from_environment && as_is.peer.proxy_url.empty();
        as_is.authorization = live_->authorization();
        for (const std::string& part : {problem_, live_->problem(), plugin_ ? plugin_->problem() : std::string()}) {
            if (!part.empty()) as_is.problem += (as_is.problem.empty() ? "" : "; ") + part;
        }
        if (!plugin_) return as_is;
        const ExecCredential* const credential = plugin_->credential();
        as_is.ready = credential != nullptr;
        if (credential == nullptr) return as_is;
        if (!credential->token.empty()) as_is.authorization = "Bearer " + credential->token;
        as_is.peer.certificate_pem = credential->certificate_pem;
        as_is.peer.key_pem = credential->key_pem;
        return as_is;
    }

    void answer(const Result<void>& outcome) {
        Result<void> said = outcome;
        const Current after = as_it_is();
        const bool same =
            after.ready == before_.ready && after.peer == before_.peer && after.authorization == before_.authorization;
        if (said && same) {
            said = failure("there are no newer credentials than before from " + found_.origin +
                           (after.problem.empty() ? "" : ": " + after.problem));
        }
        before_ = {};
        const auto waiting = std::exchange(waiting_, {});
        const std::weak_ptr<char> alive = alive_;
        for (const auto& done : waiting) {
            if (alive.expired()) return;
            done(said);
        }
    }

    EventLoop& loop_;
    KubernetesOptions options_;
    AccessPlaces places_;
    Found found_;
    std::unique_ptr<LiveCredentials> live_;
    std::unique_ptr<ExecPlugin> plugin_;
    std::unique_ptr<Timer> answer_timer_;
    std::vector<std::function<void(Result<void>)>> waiting_;
    Current before_;                     // when the refresh began
    std::string problem_;                // of the kubeconfig itself
    std::optional<Instant> refused_at_;  // when that last made the plugin run
    std::string pod_namespace_;
    std::shared_ptr<char> alive_ = std::make_shared<char>();  // ends with this object
};

}  // namespace

Result<std::unique_ptr<Access>> Access::create(EventLoop& loop, const KubernetesOptions& options,
                                               const Environment& environment, const AccessPlaces& places) {
    auto found = find_cluster(options, environment, places);
    if (!found) return tl::unexpected<Error>(found.error());
    auto access = std::make_unique<FoundAccess>(loop, options, places, std::move(*found));
    if (auto done = access->open(environment); !done) return tl::unexpected<Error>(done.error());
    return access;
}

}  // namespace leasehold::stores::kubernetes
