// SPDX-License-Identifier: Apache-2.0
//
// deploy/kubernetes on a real API server: it takes what is there, and what is there is what leasehold needs.
#include <set>

#include <gmock/gmock.h>
#include <yaml-cpp/yaml.h>

#include "app/leader_elector_flags.h"
#include "config/config.h"
#include "election/stores/kubernetes/lock_object.h"
#include "election/stores/kubernetes/refusal.h"
#include "supervisor/hook.h"
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
const std::string kDropIn = "overlays/leader-elector";  // stands alone: no Lease, no Service, no configuration

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
            if (each["kind"] == kind && each["metadata"]["name"] == name) return each;
        }
        ADD_FAILURE() << "no " << kind << ' ' << name;
        return {};
    }

    config::Options options_in(const std::vector<json>& objects) {
        const std::string text = config_map(objects)["data"].value("leasehold.yaml", "");
        const auto environment = [&](const std::string& name) -> std::optional<std::string> {
            if (name == "POD_NAMESPACE") return name_space();
            if (name == "POD_NAME") return "billing-1";
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

    // As the Deployment's controller would make it.
    void make_pod(const std::vector<json>& objects, const std::string& name) {
        json pod = one(objects, "Deployment")["spec"]["template"];
        pod["metadata"]["name"] = name;
        api().must("POST", "/api/v1/namespaces/" + name_space() + "/pods", pod);
    }

    // The pods that a Service sends to, as kubectl names them.
    std::string selected_by(const json& service) {
        std::string selector;
        for (const auto& [key, value] : service["spec"]["selector"].items()) {
            selector += (selector.empty() ? "" : ",") + key + '=' + value.get<std::string>();
        }
        return api()
            .kubectl({"get", "pods", "--selector", selector, "--output=name"}, KubeApi::kAdmin, name_space())
            .text;
    }
    bool selects(const json& service, const std::string& pods) {
        return eventually([&] { return selected_by(service) == pods; });
    }

    // `leasehold sidecar` as the container of that name in a pod, with the overlay's own configuration.
    std::unique_ptr<harness::Process> start_sidecar(const std::vector<json>& objects, const std::string& pod,
                                                    const std::string& user) {
        std::string text = config_map(objects)["data"].value("leasehold.yaml", "");
        text.replace(text.find(":9090"), 5, "127.0.0.1:0");
        harness::write_file(folder_.path(pod + ".yaml"), text);
        return std::make_unique<harness::Process>(harness::Process::Options{
            .arguments = {harness::leasehold_program(), "sidecar", "--config", folder_.path(pod + ".yaml")},
            .output = folder_.path(pod + ".log"),
            .environment = {"KUBECONFIG=" + api().kubeconfig(user, name_space()), "POD_NAME=" + pod,
                            "POD_NAMESPACE=" + name_space()}});
    }

    std::string lease_path() const { return kLeases + name_space() + "/leases/billing"; }
};

TEST_F(ManifestsTest, TheServerTakesThemAll) {
    auto folders = kFolders;
    folders.push_back(kDropIn);
    for (const std::string& folder : folders) {
        SCOPED_TRACE(folder);
        const std::string text = built(folder);
        expect_applied(text);
        const auto again = api().apply(text, name_space());
        EXPECT_EQ(again.status, 0) << again.text;
        EXPECT_THAT(again.text, Not(HasSubstr(" created")));
        if (folder != kDropIn) {
            EXPECT_THAT(again.text, HasSubstr("lease.coordination.k8s.io/billing unchanged"));
        }
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
        EXPECT_TRUE(decoded.snapshot->never_written);
    }
}

TEST_F(ManifestsTest, TheRoleOfTheDropInIsWhatItsFlagsAskFor) {
    namespace k = stores::kubernetes;
    const auto all = objects(kDropIn);
    const json container = one(all, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    std::vector<std::string> arguments;
    for (const json& each : container["args"]) {
        std::string text = each;
        if (const auto at = text.find("$(POD_NAMESPACE)"); at != std::string::npos) text.replace(at, 16, "n");
        if (const auto at = text.find("$(POD_NAME)"); at != std::string::npos) text.replace(at, 11, "billing-1");
        arguments.push_back(text);
    }
    EXPECT_EQ(container["command"], json::parse(R"(["leasehold"])"));
    ASSERT_TRUE(app::is_leader_elector(arguments));
    const auto [flags, problems] = app::parse_leader_elector(arguments, "host");
    EXPECT_THAT(problems, testing::ElementsAre());
    EXPECT_THAT(flags.ignored, testing::ElementsAre());
    EXPECT_EQ(flags.http, ":4040");
    EXPECT_EQ(container["ports"][0]["containerPort"], 4040);
    const std::string asked =
        k::role_yaml(k::actions_of_a_run(flags.kubernetes, flags.election, "n"), "billing", "n", "");
    EXPECT_EQ(one(all, "Role")["rules"], to_json(YAML::Load(asked))["rules"]);
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
        const Duration workload = sidecar ? Duration::zero() : supervisor::longest_stop(options.workload);
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
        // Every pod is found by what it bears from the start, the leader by what leasehold adds.
        json labels = deployment["template"]["metadata"]["labels"];
        EXPECT_EQ(one(all, "Service", "billing-candidates")["spec"]["selector"], labels);
        ASSERT_NE(options.election.store.kubernetes.role_label, "");
        labels[options.election.store.kubernetes.role_label] = "leader";
        EXPECT_EQ(one(all, "Service")["spec"]["selector"], labels);
        EXPECT_EQ(options.identity, sidecar ? "billing-1" : "") << "what GET / names";
        EXPECT_EQ(pod["enableServiceLinks"], false) << "the Service's name would go into the program's environment";
        // The Pod Security Standard "restricted".
        EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
        EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for (const json& each : pod["containers"]) {
            EXPECT_EQ(each["securityContext"], json::parse(R"({"allowPrivilegeEscalation":false,
                "capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true})"));
            // With "latest" a node would ask a registry at every start.
            EXPECT_THAT(each["image"].get<std::string>(), testing::MatchesRegex("[a-z]+:[0-9.]+"));
        }
    }
}

TEST_F(ManifestsTest, ARunNeedsTheRightsOfTheRoleAllOfThemAndNoOthers) {
    const auto account = api().create_service_account(name_space(), "billing");
    const std::string text = built("base");
    expect_applied(text);
    const auto all_objects = objects("base");
    make_pod(all_objects, "billing-1");
    make_pod(all_objects, "billing-2");  // in which nothing runs

    auto& candidate = start("a", {.timing = {"5s", "3s", "1s", ""},
                                  .election = "billing",
                                  .store = store_with(api().kubeconfig(account.user, name_space())),
                                  .environment = {"POD_NAME=billing-1"}});
    next_run(0);
    EXPECT_THAT(candidate.log(), Not(HasSubstr("there is no record of a holder")));  // no wait at the first start
    EXPECT_TRUE(eventually([&] { return logs(candidate, "leader"); }));
    EXPECT_TRUE(selects(one(all_objects, "Service"), "pod/billing-1\n"));

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

TEST_F(ManifestsTest, TheServiceBesideASidecarFindsThePodThatLeads) {
    const auto account = api().create_service_account(name_space(), "billing");
    expect_applied(built("overlays/sidecar"));
    const auto all = objects("overlays/sidecar");
    for (const char* pod : {"billing-1", "billing-2"}) make_pod(all, pod);
    const json service = one(all, "Service");
    const auto role_of_second = [&] {
        const json pod = api().must("GET", "/api/v1/namespaces/" + name_space() + "/pods/billing-2");
        return pod["metadata"]["labels"].value("leasehold.io/role", "");
    };
    const auto first = start_sidecar(all, "billing-1", account.user);
    EXPECT_TRUE(selects(service, "pod/billing-1\n")) << harness::read_file(folder_.path("billing-1.log"));
    EXPECT_EQ(api().must("GET", lease_path())["spec"]["holderIdentity"], "billing-1");
    EXPECT_EQ(role_of_second(), "");
    const auto second = start_sidecar(all, "billing-2", account.user);
    EXPECT_TRUE(eventually([&] { return role_of_second() == "standby"; }));
    EXPECT_EQ(selected_by(one(all, "Service", "billing-candidates")), "pod/billing-1\npod/billing-2\n");

    first->signal(SIGTERM);
    EXPECT_EQ(first->wait(), 0);
    EXPECT_TRUE(selects(service, "pod/billing-2\n")) << harness::read_file(folder_.path("billing-2.log"));
    second->signal(SIGTERM);
    EXPECT_EQ(second->wait(), 0);
    EXPECT_EQ(selected_by(service), "");
}

}  // namespace
}  // namespace leasehold::servers
