// SPDX-License-Identifier: Apache-2.0
#include "app/leader_elector_flags.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "config/forms.h"
#include "config/text.h"

namespace leasehold::app {
namespace {

enum class Takes { text, boolean };

struct Flag {
    std::string_view name;
    Takes takes = Takes::text;
};

constexpr std::array kOwn = {Flag{"election"}, Flag{"election-namespace"},
                             Flag{"id"},       Flag{"http"},
                             Flag{"ttl"},      Flag{"use-cluster-credentials", Takes::boolean}};

// The first seven are glog's, the others came with klog.
constexpr std::array kIgnored = {Flag{"logtostderr", Takes::boolean},
                                 Flag{"alsologtostderr", Takes::boolean},
                                 Flag{"stderrthreshold"},
                                 Flag{"v"},
                                 Flag{"vmodule"},
                                 Flag{"log_backtrace_at"},
                                 Flag{"log_dir"},
                                 Flag{"log_file"},
                                 Flag{"log_file_max_size"},
                                 Flag{"log_flush_frequency"},
                                 Flag{"add_dir_header", Takes::boolean},
                                 Flag{"one_output", Takes::boolean},
                                 Flag{"skip_headers", Takes::boolean},
                                 Flag{"skip_log_headers", Takes::boolean},
                                 Flag{"initial_wait", Takes::boolean}};

// One argument, taken apart.
struct Argument {
    std::string name;                  // without dashes
    std::optional<std::string> value;  // behind '='
};

// Nothing when it is no flag.
std::optional<Argument> take_apart(const std::string& text) {
    if (text.size() < 2 || text.front() != '-') return std::nullopt;
    const std::string rest = text.substr(text.starts_with("--") ? 2 : 1);
    const auto equals = rest.find('=');
    if (equals == std::string::npos) return Argument{rest, std::nullopt};
    return Argument{rest.substr(0, equals), rest.substr(equals + 1)};
}

template <std::size_t Size>
const Flag* find(const std::array<Flag, Size>& flags, const std::string& name) {
    const auto found = std::find_if(flags.begin(), flags.end(), [&](const Flag& flag) { return flag.name == name; });
    return found == flags.end() ? nullptr : found;
}

const Flag* find_ignored(std::string name) {  // Kubernetes' programs write them with dashes as well
    std::replace(name.begin(), name.end(), '-', '_');
    return find(kIgnored, name);
}

// What strconv.ParseBool takes.
Result<bool> read_boolean(const std::string& flag, const std::string& text) {
    for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == yes) return true;
    }
    for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == no) return false;
    }
    return failure(fmt::format("--{}: '{}' is neither true nor false", flag, text));
}

Result<Duration> read_ttl(const std::string& text) {
    using std::chrono::seconds;
    const auto ttl = config::positive_duration_form().read(text);
    if (!ttl) return failure(fmt::format("--ttl: '{}' {}", text, ttl.error().message));
    const auto whole = std::chrono::floor<seconds>(*ttl);
    if (whole != *ttl) {
        const std::string below = whole > seconds(0) ? to_text(whole) + " or " : "";
        return failure(
            fmt::format("--ttl: '{}' is not a whole number of seconds, and the lock's record holds nothing "
                        "else; {}{} would work",
                        text, below, to_text(whole + seconds(1))));
    }
    DropIn probe;
    probe.ttl = *ttl;
    const auto problems = election::check(options_of(probe).election.timing);
    if (!problems.empty()) return failure(fmt::format("--ttl: '{}': {}", text, problems.front().text));
    return ttl;
}

Result<void> set(DropIn& drop_in, const Flag& flag, const std::string& value) {
    if (flag.name == "election") drop_in.election = value;
    if (flag.name == "election-namespace") drop_in.kubernetes.namespace_name = value;
    if (flag.name == "id") drop_in.id = value;
    if (flag.name == "http") drop_in.http = value;
    if (flag.name == "use-cluster-credentials") {
        const auto wanted = read_boolean(std::string(flag.name), value);
        if (!wanted) return tl::unexpected<Error>(wanted.error());
        drop_in.kubernetes.service_account_only = *wanted;
    }
    if (flag.name == "ttl") {
        const auto ttl = read_ttl(value);
        if (!ttl) return tl::unexpected<Error>(ttl.error());
        drop_in.ttl = *ttl;
    }
    return {};
}

using Problems = std::vector<std::string>;

void check(const char* flag, const std::string& text, std::initializer_list<config::Form<std::string>> forms,
           Problems& problems) {
    if (text.empty()) return problems.push_back(fmt::format("--{} cannot be empty", flag));
    for (const config::Form<std::string>& form : forms) {
        if (const auto read = form.read(text); !read) {
            return problems.push_back(
                fmt::format("--{}: '{}' {}", flag, config::printable(text), read.error().message));
        }
    }
}

// All that the configuration's own check would find, in the words of the flags.
void check(const DropIn& drop_in, Problems& problems) {
    check("election", drop_in.election, {config::election_name_form(), config::kubernetes_name_form()}, problems);
    check("election-namespace", drop_in.kubernetes.namespace_name, {config::kubernetes_namespace_form()}, problems);
    check("id", drop_in.id, {config::identity_form()}, problems);
    if (!drop_in.http.empty()) check("http", drop_in.http, {config::listen_address_form()}, problems);
}

}  // namespace

bool is_leader_elector(const std::vector<std::string>& arguments) {
    if (arguments.empty() || !take_apart(arguments.front())) return false;
    for (const std::string& text : arguments) {
        if (text == "--") return false;
        const auto argument = take_apart(text);
        if (argument && find(kOwn, argument->name) != nullptr) return true;
    }
    return false;
}

ParsedFlags parse_leader_elector(const std::vector<std::string>& arguments, const std::string& host) {
    ParsedFlags parsed;
    DropIn& drop_in = parsed.drop_in;
    Problems& problems = parsed.problems;
    drop_in.id = host;
    drop_in.kubernetes.lock = stores::KubernetesLock::endpoints;
    drop_in.kubernetes.namespace_name = "default";
    drop_in.kubernetes.role_label.clear();
    for (auto next = arguments.begin(); next != arguments.end();) {
        const std::string& text = *next++;
        const auto argument = take_apart(text);
        if (text == "--") {
            drop_in.ignored.insert(drop_in.ignored.end(), next, arguments.end());
            break;
        }
        if (!argument) {
            drop_in.ignored.push_back(text);
            continue;
        }
        if (argument->name == "help" || argument->name == "h") {
            drop_in.help = true;
            problems.clear();
            return parsed;
        }
        const Flag* own = find(kOwn, argument->name);
        const Flag* flag = own != nullptr ? own : find_ignored(argument->name);
        if (flag == nullptr) {
            problems.push_back("unknown flag: " + text);
            continue;
        }
        std::string value = argument->value.value_or("true");
        bool taken = false;  // the argument after it
        if (!argument->value && flag->takes == Takes::text) {
            if (next == arguments.end()) {
                problems.push_back("flag needs an argument: " + text);
                return parsed;  // what is missing here is not to be complained of again
            }
            value = *next++;
            taken = true;
        }
        if (own == nullptr) {
            drop_in.ignored.push_back(taken ? text + ' ' + value : text);
        } else if (auto done = set(drop_in, *own, value); !done) {
            problems.push_back(done.error().message);
        }
    }
    drop_in.kubernetes.name = drop_in.election;
    check(drop_in, problems);
    return parsed;
}

std::string leader_elector_usage() {
    return "Usage: leasehold --election=NAME [FLAGS]\n"
           "What leader-elector 0.4 and 0.5 take, with an Endpoints object as the lock:\n"
           "  --election=NAME             name of the election and of the Endpoints object\n"
           "  --election-namespace=NAME   its namespace (default)\n"
           "  --id=NAME                   who this candidate is (the host's name)\n"
           "  --http=HOST:PORT            answer {\"name\":\"<leader>\"} there (nowhere)\n"
           "  --ttl=DURATION              how long a lease lasts, whole seconds (10s)\n"
           "  --use-cluster-credentials   use the pod's service account, whatever KUBECONFIG says\n"
           "The flags of glog and klog are accepted and ignored. More is possible with a configuration file:\n"
           "leasehold sidecar --config FILE\n";
}

config::Options options_of(const DropIn& drop_in) {
    config::Options options;
    options.identity = drop_in.id;
    options.election.name = drop_in.election;
    options.election.store.kind = config::StoreKind::kubernetes;
    options.election.store.kubernetes = drop_in.kubernetes;
    options.election.timing.lease_duration = drop_in.ttl;
    options.election.timing.renew_deadline = drop_in.ttl / 2;
    options.election.timing.retry_period = drop_in.ttl / 4;
    options.http.listen.clear();
    if (!drop_in.http.empty()) options.http.listen.push_back(drop_in.http);
    return options;
}

}  // namespace leasehold::app
