// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/prometheus_server.h"

#include <cctype>
#include <cstdlib>
#include <stdexcept>

#include <fmt/core.h>
#include <unistd.h>

#include "tests/servers/http_call.h"
#include "tests/servers/server_process.h"

namespace leasehold::servers {

using nlohmann::json;

namespace {

std::string prometheus_program(const std::string& name) { return cache_folder("prometheus") + '/' + name; }

std::string percent_encoded(const std::string& text) {
    std::string encoded;
    for (const unsigned char byte : text) {
        encoded += std::isalnum(byte) != 0 ? std::string(1, static_cast<char>(byte)) : fmt::format("%{:02X}", byte);
    }
    return encoded;
}

// Answers come in chunks if they are long.
HttpReply get_from(int port, const std::string& path) {
    return http_call({.url = fmt::format("http://127.0.0.1:{}{}", port, path)});
}

void await_answer(int port, const std::string& path, harness::Process& process, const std::string& log) {
    const auto answers = [&] { return get_from(port, path).status == 200 || !process.running(); };
    if (!harness::eventually(answers) || !process.running()) server_failed(path + " was not answered", log);
}

// Debian's Alertmanager insists on a file in /usr/share/prometheus, which a package that is not installed has not put
// there. It gets a /usr/share of its own, with nothing else in it.
std::vector<std::string> with_own_share() {
    std::vector<std::string> launcher{"unshare", "--mount"};
    if (geteuid() != 0) launcher.insert(launcher.end(), {"--user", "--map-root-user"});
    const std::string script =
        "mount -t tmpfs tmpfs /usr/share && ln -s \"$0\" /usr/share/prometheus && "
        "exec setpriv --pdeathsig KILL -- \"$@\"";
    launcher.insert(launcher.end(), {"sh", "-c", script, prometheus_program("share")});
    return launcher;
}

}  // namespace

std::string prometheus_unavailable() {
    for (const char* const name : {"prometheus", "promtool", "prometheus-alertmanager"}) {
        const std::string path = prometheus_program(name);
        if (access(path.c_str(), X_OK) != 0)
            return name + (" is not at " + path) + ": run tests/servers/get-prometheus";
    }
    return {};
}

std::string alertmanager_unavailable() {
    if (const std::string why = prometheus_unavailable(); !why.empty()) return why;
    const harness::TempFolder folder;
    std::vector<std::string> attempt = with_own_share();
    attempt.emplace_back("true");
    harness::Process process({.arguments = attempt, .output = folder.path("said"), .environment = {}});
    if (process.wait() == 0) return {};
    return "no mount namespace for Alertmanager: " + harness::read_file(folder.path("said"));
}

PromtoolAnswer promtool(std::vector<std::string> arguments, const std::string& input) {
    const harness::TempFolder folder;
    harness::write_file(folder.path("input"), input);
    // The shell does nothing but connect the input.
    arguments.insert(arguments.begin(),
                     {"sh", "-c", R"(exec <"$0" "$@")", folder.path("input"), prometheus_program("promtool")});
    harness::Process process({.arguments = arguments, .output = folder.path("said"), .environment = {}});
    const auto status = process.wait();
    return {.status = status.value_or(-1), .said = harness::read_file(folder.path("said"))};
}

Alertmanager::Alertmanager(const std::string& webhook) {
    harness::write_file(folder_.path("alertmanager.yaml"),
                        fmt::format("route: {{receiver: test, group_by: [alertname, instance], group_wait: 0s, "
                                    "group_interval: 1s, repeat_interval: 1h}}\n"
                                    "receivers: [{{name: test, webhook_configs: [{{url: \"{}\"}}]}}]\n",
                                    webhook));
    const std::string log = folder_.path("alertmanager.log");
    std::vector<std::string> command = with_own_share();
    command.insert(command.end(),
                   {prometheus_program("prometheus-alertmanager"), "--config.file=" + folder_.path("alertmanager.yaml"),
                    "--storage.path=" + folder_.path("data"), fmt::format("--web.listen-address=127.0.0.1:{}", port()),
                    "--cluster.listen-address="});
    process_ = start_server(command, log);
    await_answer(port(), "/-/ready", *process_, log);
}

PrometheusServer::PrometheusServer(const Options& options) {
    std::string targets;
    for (const int port : options.targets)
        targets += fmt::format("{}\"127.0.0.1:{}\"", targets.empty() ? "" : ", ", port);
    std::string config = fmt::format(
        "global: {{scrape_interval: {0}, scrape_timeout: {0}, evaluation_interval: {0}}}\n"
        "rule_files: [\"{1}\"]\n"
        "scrape_configs:\n  - job_name: \"{2}\"\n"
        "    static_configs: [{{targets: [{3}], labels: {{namespace: \"{4}\"}}}}]\n",
        options.interval, options.rules, options.job, targets, options.name_space);
    if (options.alertmanager != 0) {
        config += fmt::format("alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"127.0.0.1:{}\"]}}]}}]}}\n",
                              options.alertmanager);
    }
    harness::write_file(folder_.path("prometheus.yaml"), config);
    process_ = start_server({prometheus_program("prometheus"), "--config.file=" + folder_.path("prometheus.yaml"),
                             "--storage.tsdb.path=" + folder_.path("data"),
                             fmt::format("--web.listen-address=127.0.0.1:{}", port_.number())},
                            log());
    await_answer(port_.number(), "/-/ready", *process_, log());
}

json PrometheusServer::get(const std::string& path) const {
    const HttpReply answer = get_from(port_.number(), path);
    const json all = json::parse(answer.body, nullptr, false);
    if (!all.is_object() || all.value("status", "") != "success") {
        server_failed(fmt::format("{} was answered {}: {}", path, answer.status, answer.body), log());
    }
    return all["data"];
}

json PrometheusServer::query(const std::string& expression) const {
    return get("/api/v1/query?query=" + percent_encoded(expression))["result"];
}

std::optional<double> PrometheusServer::value(const std::string& expression) const {
    const json result = query(expression);
    if (result.size() != 1) return std::nullopt;
    return std::strtod(result[0]["value"][1].get<std::string>().c_str(), nullptr);
}

json PrometheusServer::series(const std::string& selector) const {
    return get("/api/v1/series?match[]=" + percent_encoded(selector));
}

}  // namespace leasehold::servers
