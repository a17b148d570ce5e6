// SPDX-License-Identifier: Apache-2.0
#include "config/store_keys.h"

#include <iterator>

#include "config/key_makers.h"

namespace leasehold::config {
namespace {

void append(std::vector<Key>& keys, std::vector<Key> more) {
    std::move(more.begin(), more.end(), std::back_inserter(keys));
}

Key file_path() {
    Key path = scalar_key(
        "election.store.file.path", "The lease file; /var/lib/leasehold/<election.name>.lease if empty or not given.",
        absolute_path_form(), [](auto& o) -> auto& { return o.election.store.file.path; });
    path.schema = changed(path.schema, [](Json& schema) { schema["type"] = {"string", "null"}; });
    path.derive = [](Options& options) {
        if (!options.election.store.file.path.empty() || options.election.name.empty()) return;
        options.election.store.file.path = "/var/lib/leasehold/" + options.election.name + ".lease";
    };
    return path;
}

Key proxy_url(const std::string& path) {
    Key url = scalar_key(
        path, "A proxy to reach the API server through (http, https, socks5), if it is not the kubeconfig's.",
        argument_form(), [](auto& o) -> auto& { return o.election.store.kubernetes.proxy_url; });
    url.secret = true;  // it may hold a password
    return url;
}

std::vector<Key> kubernetes() {
    using stores::KubernetesLock;
    const auto locks = choice_form<KubernetesLock>({{"lease", KubernetesLock::lease},
                                                    {"endpoints", KubernetesLock::endpoints},
                                                    {"configmap", KubernetesLock::configmap}});
    const std::string path = "election.store.kubernetes.";
    return key_list(
        scalar_key(
            path + "lock", "The kind of object that bears the record; endpoints and configmap are for old programs.",
            locks, [](auto& o) -> auto& { return o.election.store.kubernetes.lock; }),
        scalar_key(
            path + "name", "The object's name, if it is not election.name.", kubernetes_name_form(),
            [](auto& o) -> auto& { return o.election.store.kubernetes.name; }),
        scalar_key(
            path + "namespace", "Its namespace, if it is not that of the service account or of the context.",
            kubernetes_namespace_form(), [](auto& o) -> auto& { return o.election.store.kubernetes.namespace_name; }),
        scalar_key(
            path + "kubeconfig",
            "Files as in $KUBECONFIG; without it that variable, the service account, ~/.kube/config.", argument_form(),
            [](auto& o) -> auto& { return o.election.store.kubernetes.kubeconfig; }),
        scalar_key(
            path + "context", "Of the kubeconfig, if it is not its current-context.", argument_form(),
            [](auto& o) -> auto& { return o.election.store.kubernetes.context; }),
        proxy_url(path + "proxy_url"),
        scalar_key(
            path + "proxy_from_environment", "Whether HTTPS_PROXY and NO_PROXY count.", boolean_form(),
            [](auto& o) -> auto& { return o.election.store.kubernetes.proxy_from_environment; }),
        scalar_key(
            path + "events", "Whether Events tell of changes of leadership.", boolean_form(),
            [](auto& o) -> auto& { return o.election.store.kubernetes.events; }),
        scalar_key(
            path + "role_label", "A label of the pod that says leader or standby; none for no label.",
            kubernetes_label_form(), [](auto& o) -> auto& { return o.election.store.kubernetes.role_label; }),
        scalar_key(
            path + "pod", "The pod's name, if it is neither $POD_NAME nor, in a cluster, the host's.",
            kubernetes_name_form(), [](auto& o) -> auto& { return o.election.store.kubernetes.pod; }),
        scalar_key(
            path + "owner", "APIVERSION/KIND/NAME/UID of an object whose deletion is to delete the lock's.",
            kubernetes_owner_form(), [](auto& o) -> auto& { return o.election.store.kubernetes.owner; }));
}

// `options` finds those of the store. They have the same names in every store whose servers speak HTTP.
template <class Of>
Key prefix(const std::string& path, Of options) {
    return scalar_key(
        path + "prefix", "What stands before election.name in the key.",
        argument_form(), [options](auto& o) -> auto& { return options(o).prefix; });
}

template <class Of>
std::vector<Key> tls_files(const std::string& path, const std::string& of_the_server, Of options) {
    return key_list(
        scalar_key(
            path + "ca_file", "Certificates of who may sign " + of_the_server + "; those of the system if not given.",
            absolute_path_form(), [options](auto& o) -> auto& { return options(o).ca_file; }),
        scalar_key(
            path + "cert_file", "A certificate for this client; with key_file.",
            absolute_path_form(), [options](auto& o) -> auto& { return options(o).cert_file; }),
        scalar_key(
            path + "key_file", "Its private key.",
            absolute_path_form(), [options](auto& o) -> auto& { return options(o).key_file; }));
}

std::vector<Key> etcd() {
    const std::string path = "election.store.etcd.";
    const auto own = [](auto& o) -> auto& { return o.election.store.etcd; };
    Key endpoints = list_key(
        path + "endpoints", "The members' client addresses, tried in this order.", endpoint_form(),
        [](auto& o) -> auto& { return o.election.store.etcd.endpoints; });
    endpoints.example = "[https://10.0.0.1:2379]";
    std::vector<Key> keys{endpoints, prefix(path, own)};
    append(keys, tls_files(path, "those of the members", own));
    keys.push_back(scalar_key(
        path + "username", "Who this client is; with password_file.", argument_form(),
        [](auto& o) -> auto& { return o.election.store.etcd.username; }));
    keys.push_back(scalar_key(
        path + "password_file", "The password is its first line.", absolute_path_form(),
        [](auto& o) -> auto& { return o.election.store.etcd.password_file; }));
    return keys;
}

std::vector<Key> consul() {
    const std::string path = "election.store.consul.";
    const auto own = [](auto& o) -> auto& { return o.election.store.consul; };
    std::vector<Key> keys{
        scalar_key(
            path + "address", "An agent's HTTP API.", endpoint_form(),
            [](auto& o) -> auto& { return o.election.store.consul.address; }),
        prefix(path, own),
        scalar_key(
            path + "datacenter",
            "The datacenter that keeps the key; may be left away only with an agent on this machine: its own.",
            argument_form(), [](auto& o) -> auto& { return o.election.store.consul.datacenter; }),
        scalar_key(
            path + "token_file", "Holds the ACL token.", absolute_path_form(),
            [](auto& o) -> auto& { return o.election.store.consul.token_file; }),
    };
    append(keys, tls_files(path, "the agent's", own));
    return keys;
}

std::vector<Key> zookeeper() {
    const std::string path = "election.store.zookeeper.";
    Key servers = list_key(
        path + "servers", "The servers' client addresses, tried in this order.", server_form(),
        [](auto& o) -> auto& { return o.election.store.zookeeper.servers; });
    servers.example = "[10.0.0.1:2181]";
    return key_list(
        servers,
        scalar_key(
            path + "path", "The znode below which the record's is, named after election.name; made if it is missing.",
            znode_path_form(), [](auto& o) -> auto& { return o.election.store.zookeeper.path; }),
        scalar_key(
            path + "auth_file", "Its first line says who this client is: digest USER:PASSWORD.", absolute_path_form(),
            [](auto& o) -> auto& { return o.election.store.zookeeper.auth_file; }));
}

Section store_section(const std::string& name, const std::string& help, StoreKind kind) {
    Section section;
    section.path = "election.store." + name;
    section.help = help;
    section.choose = [kind](Options& options) { options.election.store.kind = kind; };
    section.in_use = [kind](const Options& options) { return options.election.store.kind == kind; };
    return section;
}

}  // namespace

std::vector<Section> store_sections() {
    return {
        store_section("file", "A file on a local disk, for candidates on one machine.", StoreKind::file),
        store_section("kubernetes", "An object in a Kubernetes cluster.", StoreKind::kubernetes),
        store_section("etcd", "A key in etcd, version 3.4 or newer.", StoreKind::etcd),
        store_section("consul", "A key in Consul.", StoreKind::consul),
        store_section("zookeeper", "A znode in ZooKeeper, version 3.5 or newer.", StoreKind::zookeeper),
    };
}

std::vector<Key> store_keys() {
    std::vector<Key> keys{file_path()};
    for (const auto& of_a_store : {kubernetes(), etcd(), consul(), zookeeper()}) append(keys, of_a_store);
    return keys;
}

}  // namespace leasehold::config
