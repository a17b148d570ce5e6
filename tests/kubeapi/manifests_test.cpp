// SPDX-License-Identifier: Apache-2.0
//
// deploy/kubernetes on a real API server: it takes what is there, and what is there is what leasehold needs.
#include <set>

#include <gmock/gmock.h>
#include <yaml-cpp/yaml.h>

#include "config/config.h"
#include "election/stores/kubernetes/lock_object.h"
#include "election/stores/kubernetes/refusal.h"
#include "tests/kubeapi/leasehold_fixture.h"

namespace leasehold::servers {
namespace {

using harness::eventually;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kFolder = LEASEHOLD_SOURCE_FOLDER "/deploy/kubernetes/";
const std::vector<std::string> kFolders{"base", "overlays/example", "overlays/endpoints-lock", "overlays/sidecar",
                                        "overlays/before-1.21"};

// Of the core schema of YAML as far as the manifests need it.
json to_json(const YAML::Node& node) {
    json value;
    if (node.IsMap()) {
        value = json::object();
        for (const auto& each : node) value[each.first.as<std::string>()] = to_json(each.second);
    } else if (node.IsSequence()) {
        value = json::array();
        for (const auto& each : node) value.push_back(to_json(each));
    } else if (node.IsScalar()) {
        const bool plain = node.Tag() != "!";
        const json parsed = json::parse(node.Scalar(), nullptr, false);
        value = plain && !parsed.is_discarded() && !parsed.is_string() ? parsed : json(node.Scalar());
    }
    return value;
}

// The one that holds the configuration; the example's program is in another.
json config_map(const std::vector<json>& objects) {
    for (const json& each : objects) {
        if (each["kind"] == "ConfigMap" && each["data"].contains("leasehold.yaml")) return each;
    }
    return {};
}

class ManifestsTest : public LeaseholdTest {
protected:
    // What `kubectl kustomize` makes of a folder, in terms of the server at hand: kube-apiserver v1.20 has
    // PodDisruptionBudgets as policy/v1beta1 only, for which overlays/before-1.21 is.
    std::string built(const std::string& folder) {
        const auto output = api().kubectl({"kustomize", kFolder + folder});
        EXPECT_EQ(output.status, 0) << folder << output.text;
        std::string text = output.text;
        const std::string newer = "apiVersion: policy/v1\n";
        if (const auto at = text.find(newer); at != std::string::npos) {
            EXPECT_NE(folder, "overlays/before-1.21");
            text.replace(at, newer.size(), "apiVersion: policy/v1beta1\n");
        }
        return text;
    }

    std::vector<json> objects(const std::string& folder) {
        std::vector<json> found;
        for (const YAML::Node& document : YAML::LoadAll(built(folder))) found.push_back(to_json(document));
        return found;
    }

    static json one(const std::vector<json>& objects, const std::string& kind, const std::string& name = "billing") {
        for (const json& each : objects) {
            if (each["kind"] == kind && each["metadata"]["name"].get<std::string>().starts_with(name)) return each;
        }
        ADD_FAILURE() << "no " << kind << ' ' << name;
        return {};
    }

    config::Options options_in(const std::vector<json>& objects) {
        const std::string text = config_map(objects)["data"].value("leasehold.yaml", "");
        const auto environment = [&](const std::string& name) -> std::optional<std::string> {
            if (name == "POD_NAMESPACE") return name_space();
            return std::nullopt;
        };
        const bool sidecar = text.find("workload:") == std::string::npos;
        const config::Loaded loaded = config::load_text(text, {environment, sidecar});
        for (const config::Problem& problem : loaded.problems) ADD_FAILURE() << problem.text("leasehold.yaml");
        return loaded.options;
    }

    void expect_applied(const std::string& text) {
        const auto output = api().apply(text, name_space());
        EXPECT_EQ(output.status, 0) << output.text;
    }

    std::string lease_path() const { return kLeases + name_space() + "/leases/billing"; }
};

TEST_F(ManifestsTest, TheServerTakesThemAll) {
    for (const std::string& folder : kFolders) {
        SCOPED_TRACE(folder);
        const std::string text = built(folder);
        expect_applied(text);
        const auto again = api().apply(text, name_space());
        EXPECT_EQ(again.status, 0) << again.text;
        EXPECT_THAT(again.text, Not(HasSubstr(" created")));
        EXPECT_THAT(again.text, HasSubstr("lease.coordination.k8s.io/billing unchanged"));
        if (folder == "overlays/endpoints-lock") {
            EXPECT_THAT(again.text, HasSubstr("endpoints/billing-lock unchanged"));
        }
        const auto removed =
            api().kubectl({"delete", "--wait=false", "all,lease,endpoints,role,rolebinding,pdb", "--all"},
                          KubeApi::kAdmin, name_space());
        EXPECT_EQ(removed.status, 0) << removed.text;
    }
}

TEST_F(ManifestsTest, TheRoleIsWhatARunAsksForAndNoMore) {
    namespace k = stores::kubernetes;
    for (const std::string& folder : kFolders) {
        SCOPED_TRACE(folder);
        const auto all = objects(folder);
        const config::Options options = options_in(all);
        const stores::KubernetesOptions& store = options.election.store.kubernetes;
        const std::string lock = store.name.empty() ? options.election.name : store.name;
        const std::string asked = k::role_yaml(k::actions_of_a_run(store, lock, "n"), "billing", "n", "");
        EXPECT_EQ(one(all, "Role")["rules"], to_json(YAML::Load(asked))["rules"]);
        EXPECT_EQ(one(all, "RoleBinding")["roleRef"]["name"], "billing");
        EXPECT_EQ(one(all, "RoleBinding")["subjects"], json::parse(R"([{"kind":"ServiceAccount","name":"billing"}])"));
        EXPECT_EQ(one(all, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"], "billing");

        // The lock is there beforehand, and free.
        json object = one(all, k::kind_of(store.lock).kind, lock);
        object["metadata"].update({{"namespace", "n"}, {"resourceVersion", "1"}, {"uid", "u"}});
        const auto decoded = k::decode_object({store.lock, "n", lock, {}}, object);
        ASSERT_TRUE(decoded.snapshot) << decoded.problem;
        EXPECT_TRUE(decoded.snapshot->record.released);
    }
}

TEST_F(ManifestsTest, ThePodsFitTheConfiguration) {
    using std::chrono::seconds;
    for (const std::string& folder : kFolders) {
        SCOPED_TRACE(folder);
        const auto all = objects(folder);
        const config::Options options = options_in(all);
        const json deployment = one(all, "Deployment")["spec"];
        const json pod = deployment["template"]["spec"];
        const bool sidecar = pod["containers"].size() > 1;
        const Duration workload = sidecar ? Duration::zero() : options.workload.stop.grace_period;
        EXPECT_GE(seconds(pod["terminationGracePeriodSeconds"].get<int>()),
                  seconds(1) + workload + options.election.timing.renew_deadline + seconds(4));

        // The volume is the very ConfigMap, and the probes ask where leasehold listens.
        EXPECT_THAT(pod["volumes"].dump(),
                    HasSubstr('"' + config_map(all)["metadata"]["name"].get<std::string>() + '"'));
        const json& container = pod["containers"][0];
        EXPECT_EQ(container["ports"][0], json::parse(R"({"name":"leasehold","containerPort":9090})"));
        EXPECT_THAT(options.http.listen, testing::ElementsAre(":9090"));
        for (const char* probe : {"startupProbe", "livenessProbe", "readinessProbe"}) {
            EXPECT_EQ(container[probe]["httpGet"]["port"], "leasehold") << probe;
        }
        // A Service finds its pods.
        for (const char* service : {"billing", "billing-candidates"}) {
            json selector = one(all, "Service", service)["spec"]["selector"];
            selector.erase(options.election.store.kubernetes.role_label);
            EXPECT_EQ(selector, deployment["template"]["metadata"]["labels"]);
        }
        // The Pod Security Standard "restricted".
        EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
        EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for (const json& each : pod["containers"]) {
            EXPECT_EQ(each["securityContext"], json::parse(R"({"allowPrivilegeEscalation":false,
                "capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true})"));
        }
    }
}

TEST_F(ManifestsTest, ARunNeedsTheRightsOfTheRoleAllOfThemAndNoOthers) {
    const auto account = api().create_service_account(name_space(), "billing");
    const std::string text = built("base");
    expect_applied(text);
    json pod = one(objects("base"), "Deployment")["spec"]["template"];
    pod["metadata"]["name"] = "billing-1";
    api().must("POST", "/api/v1/namespaces/" + name_space() + "/pods", pod);

    auto& candidate = start("a", {.timing = {"5s", "3s", "1s", ""},
                                  .election = "billing",
                                  .store = store_with(api().kubeconfig(account.user, name_space())),
                                  .environment = {"POD_NAME=billing-1"}});
    next_run(0);
    EXPECT_THAT(candidate.log(), Not(HasSubstr("there is no record of a holder")));  // no wait at the first start
    EXPECT_TRUE(eventually([&] { return logs(candidate, "leader"); }));

    // Applied again, nothing changes in the Lease that is held.
    const json before = api().must("GET", lease_path());
    expect_applied(text);
    const json after = api().must("GET", lease_path());
    EXPECT_EQ(after["spec"]["holderIdentity"], before["spec"]["holderIdentity"]);
    EXPECT_EQ(after["spec"]["acquireTime"], before["spec"]["acquireTime"]);
    EXPECT_TRUE(after["metadata"]["annotations"].contains(stores::kubernetes::kRecordAnnotation));

    api().must("DELETE", lease_path());
    EXPECT_TRUE(eventually([&] { return api().request("GET", lease_path()).status == 200; }));

    std::set<std::string> used;
    const auto all = {"create coordination.k8s.io/leases",
                      "get coordination.k8s.io/leases",
                      "update coordination.k8s.io/leases",
                      "watch coordination.k8s.io/leases",
                      "create /events",
                      "patch /pods"};
    const auto look = [&] {
        for (const AuditedRequest& request : matching(api().audit().read(), {.user = account.user})) {
            EXPECT_NE(request.status, 403) << request.verb << ' ' << request.uri;
            used.insert(request.verb + ' ' + request.group + '/' + request.resource);
        }
        return used.size() >= all.size();
    };
    EXPECT_TRUE(eventually(look));
    candidate.process().signal(SIGTERM);
    EXPECT_EQ(candidate.process().wait(), 0);
    look();
    EXPECT_THAT(used, testing::UnorderedElementsAreArray(all));
}

}  // namespace
}  // namespace leasehold::servers
