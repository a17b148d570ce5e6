// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/kubeconfig.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>

#include "election/stores/kubernetes/kubeconfig_entry.h"
#include "election/stores/kubernetes/yaml_document.h"
#include "election/stores/secret_text.h"
#include "election/stores/watched_file.h"

namespace leasehold::stores::kubernetes {
namespace {

using Json = nlohmann::json;
using Entries = std::map<std::string, KubeconfigEntry>;

struct Merged {
    Entries clusters;
    Entries users;
    Entries contexts;
    std::string current_context;
    std::string files;  // for messages: those that were read
};

// One of the three lists: [{name: ..., <kind>: {...}}, ...].
Result<void> add_entries(const Json& document, const char* list_key, const char* kind, const std::string& file,
                         Entries& all) {
    const auto list = document.find(list_key);
    if (list == document.end() || list->is_null()) return {};
    const std::string where = std::string("`") + list_key + "` in " + file;
    if (!list->is_array()) return failure(where + " must be a list");
    Entries found;
    for (const Json& item : *list) {
        if (!item.is_object()) return failure(where + " must hold pairs of `name` and `" + kind + "`");
        const auto name = item.find("name");
        if (name == item.end() || !name->is_string()) return failure(where + " holds an entry without a `name`");
        KubeconfigEntry entry{kind, name->get<std::string>(), file, item.value(kind, Json())};
        if (entry.value.is_null()) entry.value = Json::object();
        if (!entry.value.is_object()) return failure(entry.title() + " must be a mapping");
        const std::string title = entry.title();
        if (!found.emplace(name->get<std::string>(), std::move(entry)).second) {
            return failure(title + " is there twice; remove or rename one");
        }
    }
    all.merge(found);  // what is there already, of an earlier file, stays
    return {};
}

Result<void> merge_file(const std::string& file, const std::string& text, Merged& merged) {
    auto document = parse_yaml_document(text);
    if (!document) return failure(file + " is no kubeconfig: " + document.error().message);
    merged.files += (merged.files.empty() ? "" : ", ") + file;
    if (document->is_null()) return {};
    if (!document->is_object()) return failure(file + " is no kubeconfig: it is not a mapping");
    for (const auto& [key, expected] : {std::pair{"kind", "Config"}, std::pair{"apiVersion", "v1"}}) {
        const Json found = document->value(key, Json());
        if (!found.is_null() && found != "" && found != expected) {
            return failure(file + " is no kubeconfig: its `" + key + "` is not " + expected);
        }
    }
    if (auto done = add_entries(*document, "clusters", "cluster", file, merged.clusters); !done) return done;
    if (auto done = add_entries(*document, "users", "user", file, merged.users); !done) return done;
    if (auto done = add_entries(*document, "contexts", "context", file, merged.contexts); !done) return done;
    const Json current = document->value("current-context", Json());
    if (!current.is_null() && !current.is_string()) return failure("`current-context` in " + file + " must be a text");
    if (current.is_string() && merged.current_context.empty()) merged.current_context = current.get<std::string>();
    return {};
}

Result<Merged> load(const KubeconfigFiles& files) {
    Merged merged;
    std::string missing;
    for (const std::string& path : files.paths) {
        const auto text = read_small_file(path);
        if (!text && text.error().code == ENOENT && !files.all_must_exist) {
            missing += (missing.empty() ? "" : ", ") + path;
            continue;
        }
        if (!text) return failure(text.error().message + "; it is to be the kubeconfig", text.error().code);
        if (auto done = merge_file(path, *text, merged); !done) return tl::unexpected<Error>(done.error());
    }
    if (merged.files.empty()) return failure("there is no kubeconfig: none of " + missing + " exists", ENOENT);
    return merged;
}

// "; there are: a, b"
std::string names_of(const Entries& entries) {
    constexpr std::size_t kMostNames = 12;
    if (entries.empty()) return "; there is none at all";
    std::string list = entries.size() == 1 ? "; there is only: " : "; there are: ";
    std::size_t count = 0;
    for (const auto& [name, entry] : entries) {
        if (++count > kMostNames) return list + ", ...";
        list += (count > 1 ? ", " : "") + shown(name);
    }
    return list;
}

Result<const KubeconfigEntry*> find_context(const Merged& merged, const std::string& wanted) {
    const std::string& name = wanted.empty() ? merged.current_context : wanted;
    if (name.empty()) {
        return failure("no context is chosen: " + merged.files +
                       " has no current-context; set election.store.kubernetes.context" + names_of(merged.contexts));
    }
    const auto found = merged.contexts.find(name);
    if (found != merged.contexts.end()) return &found->second;
    return failure("there is no context '" + shown(name) + "'" + (wanted.empty() ? ", the current-context," : "") +
                   " in " + merged.files + names_of(merged.contexts));
}

// The cluster or user that a context names.
Result<const KubeconfigEntry*> find_named(const KubeconfigEntry& context, const char* kind, const Entries& entries,
                                          const std::string& files) {
    FieldReader reader(context);
    const std::string name = reader.text(kind);
    if (reader.problem()) return tl::unexpected<Error>(*reader.problem());
    if (name.empty()) return nullptr;
    const auto found = entries.find(name);
    if (found != entries.end()) return &found->second;
    return failure(context.title() + " names the " + kind + " '" + shown(name) + "', which is not in " + files +
                   names_of(entries));
}

// Inline certificates and keys are checked once, here; files whenever they are read.
void check_inline(FieldReader& reader, const char* key, const TextOrFile& value,
                  Result<std::string> (*accept)(const std::string&)) {
    if (value.text.empty()) return;
    if (const auto accepted = accept(value.text); !accepted) {
        reader.refuse(std::string("`") + key + "` " + accepted.error().message);
    }
}

Result<void> read_cluster(const KubeconfigEntry& cluster, KubeconfigChoice& choice) {
    FieldReader reader(cluster);
    ClusterTarget& target = choice.target;
    const std::string server = reader.text("server");
    target.ca = reader.text_or_file("certificate-authority");
    target.verify = !reader.truth("insecure-skip-tls-verify");
    target.server_name = reader.text("tls-server-name");
    target.proxy_url = reader.text("proxy-url");
    if (reader.problem()) return tl::unexpected<Error>(*reader.problem());

    if (server.empty()) reader.refuse("`server` is missing");
    if (auto url = accept_server_url(server)) {
        target.server = std::move(*url);
    } else {
        reader.refuse("`server` " + url.error().message);
    }
    if (!target.verify && !target.ca.empty()) {
        reader.refuse("`insecure-skip-tls-verify` and a certificate authority exclude each other; remove one");
    }
    check_inline(reader, "certificate-authority-data", target.ca, accept_certificates);
    if (const auto done = check_proxy_url(target.proxy_url); !target.proxy_url.empty() && !done) {
        reader.refuse("`proxy-url` " + done.error().message);
    }
    if (shown(target.server_name, 1000) != target.server_name) reader.refuse("`tls-server-name` is no name");
    if (reader.problem()) return tl::unexpected<Error>(*reader.problem());

    if (target.server.starts_with("http://")) {
        choice.warnings.push_back("the connection to " + target.server +
                                  " is not encrypted, and no credentials are sent over it");
    } else if (!target.verify) {
        choice.warnings.push_back("the server's certificate is not verified (insecure-skip-tls-verify of " +
                                  cluster.title() + "): whoever is in between can take over");
    }
    return {};
}

void check_methods(FieldReader& reader, const ClusterTarget& target) {
    if (reader.child("auth-provider") != nullptr) {
        reader.refuse(
            "`auth-provider` is gone since Kubernetes 1.26; use the `exec` plugin of your cloud, such as "
            "gke-gcloud-auth-plugin, kubelogin or aws");
    }
    for (const char* key : {"as", "as-uid", "as-groups", "as-user-extra"}) {
        if (reader.has(key)) reader.refuse(std::string("`") + key + "` (impersonation) is not supported; remove it");
    }
    if (!target.token.empty() && !target.basic.empty()) {
        reader.refuse("a token and `username` with `password` exclude each other; remove one");
    }
    if (!target.certificate.empty() && target.key.empty()) {
        reader.refuse("`client-certificate` needs `client-key` or `client-key-data`");
    }
    check_inline(reader, "client-certificate-data", target.certificate, accept_certificates);
    if (!target.certificate.empty()) check_inline(reader, "client-key-data", target.key, accept_private_key);
    if (target.token.text.empty()) return;
    if (const auto token = accept_token(target.token.text); !token) reader.refuse("`token` " + token.error().message);
}

Result<void> read_user(const KubeconfigEntry& user, const KubeconfigEntry& cluster, KubeconfigChoice& choice) {
    FieldReader reader(user);
    ClusterTarget& target = choice.target;
    target.token = {reader.text("token"), reader.path("tokenFile")};
    const std::string name = reader.text("username");
    const std::string password = reader.text("password");
    if (!name.empty() || !password.empty()) target.basic = name + ":" + password;
    target.certificate = reader.text_or_file("client-certificate");
    target.key = reader.text_or_file("client-key");
    check_methods(reader, target);
    if (reader.problem()) return tl::unexpected<Error>(*reader.problem());

    if (target.certificate.empty()) target.key = {};
    if (auto token = accept_token(target.token.text)) target.token.text = std::move(*token);
    const Json* const exec = reader.child("exec");
    if (exec != nullptr && (!target.token.empty() || !target.basic.empty() || !target.certificate.empty())) {
        choice.warnings.push_back("the plugin of " + user.title() +
                                  " is not asked, because there is a token, a password or a certificate, too");
    } else if (exec != nullptr) {
        auto command = read_exec(user, *exec, cluster);
        if (!command) return tl::unexpected<Error>(command.error());
        target.exec = std::move(*command);
    }
    if (target.server.starts_with("http://")) {  // as in client-go, nothing secret goes there
        target.token = target.certificate = target.key = {};
        target.basic.clear();
        target.exec.reset();
    }
    return {};
}

}  // namespace

std::vector<std::string> split_paths(const std::string& list) {
    std::vector<std::string> paths;
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t end = std::min(list.find(':', at), list.size());
        const std::string path = list.substr(at, end - at);
        at = end + 1;
        if (path.empty()) continue;
        std::error_code problem;
        const std::string absolute = std::filesystem::absolute(path, problem).string();
        const std::string& made = problem ? path : absolute;
        if (std::find(paths.begin(), paths.end(), made) == paths.end()) paths.push_back(made);
    }
    return paths;
}

Result<KubeconfigChoice> choose_from_kubeconfig(const KubeconfigFiles& files, const std::string& context) {
    const auto merged = load(files);
    if (!merged) return tl::unexpected<Error>(merged.error());
    const auto chosen = find_context(*merged, context);
    if (!chosen) return tl::unexpected<Error>(chosen.error());
    const auto cluster = find_named(**chosen, "cluster", merged->clusters, merged->files);
    if (!cluster) return tl::unexpected<Error>(cluster.error());
    const auto user = find_named(**chosen, "user", merged->users, merged->files);
    if (!user) return tl::unexpected<Error>(user.error());
    FieldReader reader(**chosen);
    KubeconfigChoice choice;
    choice.context = (*chosen)->name;
    choice.file = (*chosen)->file;
    choice.namespace_name = reader.text("namespace");
    if (*cluster == nullptr) reader.refuse("`cluster` is missing");
    if (!choice.namespace_name.empty() && !is_dns_label(choice.namespace_name)) {
        reader.refuse("`namespace` '" + shown(choice.namespace_name) + "' is no name of a namespace");
    }
    if (reader.problem()) return tl::unexpected<Error>(*reader.problem());
    if (auto done = read_cluster(**cluster, choice); !done) return tl::unexpected<Error>(done.error());
    if (*user == nullptr) return choice;  // anonymous
    if (auto done = read_user(**user, **cluster, choice); !done) return tl::unexpected<Error>(done.error());
    return choice;
}

}  // namespace leasehold::stores::kubernetes
