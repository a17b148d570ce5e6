// SPDX-License-Identifier: Apache-2.0
//
// Answers as kube-apiserver v1.20 gives them, and as others do.
#include "election/stores/kubernetes/refusal.h"

#include <regex>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

namespace leasehold::stores::kubernetes {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

const char* const kServer = "https://10.0.0.1:6443";
const Action kUpdate{"update", "coordination.k8s.io", "leases", "billing", "prod"};
const Action kCreate{"create", "coordination.k8s.io", "leases", "", "prod"};
const char* const kForbidden =
    "leases.coordination.k8s.io \"billing\" is forbidden: User \"system:serviceaccount:prod:default\" cannot update "
    "resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"prod\"";

http::Answer page(int status, const std::string& body, const std::string& type = "text/html") {
    http::Answer answer;
    answer.status = status;
    answer.sent = true;
    answer.body = body;
    if (!type.empty()) answer.headers["content-type"] = type;
    return answer;
}

http::Answer refused(int code, const std::string& reason, const std::string& message) {
    const nlohmann::json status = {
        {"kind", "Status"},      {"apiVersion", "v1"}, {"metadata", nlohmann::json::object()},
        {"status", "Failure"},   {"message", message}, {"reason", reason},
        {"details", {{"x", 1}}}, {"code", code}};
    return page(code, status.dump(), "application/json");
}

http::Answer failed(http::Failure failure, const std::string& detail) {
    http::Answer answer;
    answer.failure = failure;
    answer.detail = detail;
    return answer;
}

TEST(Refusal, ReadsAStatus) {
    const auto status = parse_status(refused(403, "Forbidden", "no").body);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->code, 403);
    EXPECT_EQ(status->reason, "Forbidden");
    EXPECT_EQ(status->message, "no");
    EXPECT_TRUE(parse_status(R"({"kind":"Status"})"));
    EXPECT_EQ(parse_status(R"({"kind":"Status","code":"x","reason":null,"message":{}})")->code, 0);
    for (const char* other : {"", "x", "{", "[]", "null", "<html>", R"({"kind":"Lease"})", R"({"kind":null})",
                              R"({"code":403})", R"({"kind":"Status","kind":"Status"})"}) {
        EXPECT_FALSE(parse_status(other)) << other;
    }
}

struct Case {
    http::Answer answer;
    std::string label;
    std::vector<std::string> said;
};

TEST(Refusal, SaysWhatToDo) {
    const std::vector<Case> cases{
        {refused(401, "Unauthorized", "Unauthorized"),
         "unauthorized",
         {"HTTP 401", "check the token or the client certificate", "a clock that is far off"}},
        {refused(403, "Forbidden", kForbidden), "forbidden", {kForbidden, "leasehold check --probe", "the Role"}},
        {refused(403, "Forbidden", "leases is forbidden: User \"system:anonymous\" cannot get resource \"leases\""),
         "forbidden",
         {"system:anonymous", "no credentials came with the request"}},
        {refused(403, "Forbidden",
                 "leases \"billing\" is forbidden: unable to create new content in namespace prod because it is being "
                 "terminated"),
         "forbidden",
         {"being terminated", "a namespace that stays"}},
        {refused(404, "NotFound", "namespaces \"prod\" not found"),
         "no_namespace",
         {"there is no namespace prod", "create it", "election.store.kubernetes.namespace"}},
        {refused(404, "NotFound", "the server could not find the requested resource"),
         "not_served",
         {"leases of coordination.k8s.io", "Kubernetes 1.14", "URL"}},
        {refused(404, "NotFound", "leases.coordination.k8s.io \"billing\" not found"),
         "not_found",
         {"leases.coordination.k8s.io \"billing\" not found"}},
        {refused(409, "AlreadyExists", "leases.coordination.k8s.io \"billing\" already exists"),
         "already_exists",
         {"already exists"}},
        {refused(409, "Conflict", "the object has been modified"), "conflict", {"has been modified"}},
        {refused(410, "Expired", "too old resource version: 1 (9)"), "expired", {"too old resource version"}},
        {refused(422, "Invalid", "spec.leaseDurationSeconds: Invalid value: 0"), "invalid", {"Invalid value: 0"}},
        {refused(429, "TooManyRequests", "storage is (re)initializing"), "throttled", {"HTTP 429", "(re)initializing"}},
        {page(429, "Too many requests, please try again later.\n", "text/plain"),
         "throttled",
         {"Too many requests, please try again later."}},
        {refused(500, "InternalError", "etcdserver: request timed out"), "server_error", {"the server failed", "etcd"}},
        {page(502, "<html>Bad Gateway</html>"), "server_error", {"what stands before it", "HTTP 502", "Bad Gateway"}},
        {refused(504, "Timeout", "Timeout: request did not complete"), "server_error", {"HTTP 504"}},
        {refused(400, "BadRequest", "the object is malformed"), "refused", {"malformed", "HTTP 400"}},
        {refused(413, "RequestEntityTooLarge", ""), "refused", {"RequestEntityTooLarge"}},
        {page(403, "<html>\n<h1>Blocked</h1>\n</html>"),
         "not_kubernetes",
         {"something else than an API server answered at https://10.0.0.1:6443 (HTTP 403, text/html)", "a proxy",
          "<html> <h1>Blocked</h1> </html>"}},
        {page(401, "", ""), "not_kubernetes", {"HTTP 401, of no type", "It says: nothing"}},
        {page(200, "<html>Sign in</html>"), "not_kubernetes", {"HTTP 200", "Sign in"}},
        {page(404, "404 page not found\n", "text/plain"), "not_kubernetes", {"404 page not found"}},
        {page(400, "Client sent an HTTP request to an HTTPS server.\n", ""), "not_kubernetes", {"https://"}},
        {page(302, ""), "redirected", {"HTTP 302", "to nowhere", "correct the server's address"}},
    };
    for (const Case& each : cases) {
        const Refusal refusal = explain(each.answer, kUpdate, kServer);
        EXPECT_EQ(refusal.label, each.label) << refusal.detail;
        EXPECT_THAT(refusal.detail,
                    HasSubstr("update of leases.coordination.k8s.io prod/billing at https://10.0.0.1:6443: "));
        for (const std::string& said : each.said) EXPECT_THAT(refusal.detail, HasSubstr(said));
        EXPECT_EQ(refusal.retry_after, Duration::zero());
    }
}

TEST(Refusal, ARedirectTellsWhereTo) {
    http::Answer answer = page(301, "");
    answer.headers["location"] = "https://login.example/\r\nx";
    EXPECT_THAT(explain(answer, kUpdate, kServer).detail, HasSubstr("to https://login.example/ x,"));
}

TEST(Refusal, TransportFailuresAreToldAsTheyWereSaid) {
    using http::Failure;
    for (const Failure failure : {Failure::timeout, Failure::resolve, Failure::connect, Failure::tls,
                                  Failure::unanswered, Failure::too_large, Failure::malformed}) {
        const Refusal refusal = explain(failed(failure, "api.example:6443 did\nnot"), kCreate, kServer);
        EXPECT_EQ(refusal.label, http::label_of(failure));
        EXPECT_THAT(refusal.detail, HasSubstr("create of leases.coordination.k8s.io in namespace prod at https://"));
        EXPECT_THAT(refusal.detail, HasSubstr("api.example:6443 did not"));
    }
}

TEST(Refusal, ACertificateThatIsRefusedSaysWhereToSetWhatIsTrusted) {
    const auto detail = [](const std::string& said) {
        return explain(failed(http::Failure::tls, said), kCreate, kServer).detail;
    };
    EXPECT_THAT(
        detail("the certificate of api.example is not signed by the given CA"),
        testing::AllOf(HasSubstr("ca.crt"), HasSubstr("certificate-authority"), Not(HasSubstr("tls-server-name"))));
    EXPECT_THAT(detail("the certificate of 10.0.0.1 is not for 10.0.0.1, but for api.example"),
                testing::AllOf(HasSubstr("tls-server-name"), Not(HasSubstr("certificate-authority"))));
    EXPECT_THAT(detail("api.example does not speak TLS"), testing::EndsWith("does not speak TLS"));
}

TEST(Refusal, LabelsSuitMetricsAndDetailsOneLine) {
    const std::regex label("[a-z_]+");
    std::string rubbish;
    for (int c = 0; c < 256; ++c) rubbish += static_cast<char>(c);
    for (int status = 0; status < 1000; status += 1) {
        for (const auto& answer : {page(status, rubbish + rubbish + rubbish, rubbish), page(status, "", ""),
                                   refused(status, "Odd", "a\n\xc3\xa4")}) {
            const Refusal refusal = explain(answer, {"watch", "", "", "", ""}, kServer);
            ASSERT_TRUE(std::regex_match(refusal.label, label)) << refusal.label;
            ASSERT_FALSE(refusal.detail.empty());
            ASSERT_EQ(refusal.detail.find_first_of(std::string("\n\r\t\0", 4)), std::string::npos) << refusal.detail;
            ASSERT_LT(refusal.detail.size(), 4000U);
            ASSERT_NO_THROW((void)nlohmann::json(refusal.detail).dump());
        }
    }
}

TEST(Refusal, RetryAfterOfA429OrA503) {
    const auto patience = [](int status, const std::string& text) {
        http::Answer answer = page(status, "later", "text/plain");
        answer.headers["retry-after"] = text;
        return explain(answer, kUpdate, kServer);
    };
    EXPECT_EQ(patience(429, "7").retry_after, seconds(7));
    EXPECT_EQ(patience(503, "1").retry_after, seconds(1));
    EXPECT_THAT(patience(429, "7").detail, HasSubstr("asks to be left alone for 7s"));
    EXPECT_EQ(patience(429, "18446744073709551615").retry_after, hours(24));
    EXPECT_EQ(patience(429, "soon").retry_after, Duration::zero());
    EXPECT_EQ(patience(500, "7").retry_after, Duration::zero());
    http::Answer lost = failed(http::Failure::unanswered, "gone");
    lost.status = 429;
    lost.headers["retry-after"] = "7";
    EXPECT_EQ(explain(lost, kUpdate, kServer).retry_after, Duration::zero());
}

TEST(Refusal, TellsClocksThatAreFarApart) {
    constexpr std::int64_t kDate = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT
    http::Answer answer = refused(401, "Unauthorized", "");
    EXPECT_FALSE(clock_difference(answer, kDate));
    answer.headers["date"] = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (const std::int64_t near : {0, 60, -60}) EXPECT_FALSE(clock_difference(answer, kDate + near)) << near;
    EXPECT_THAT(clock_difference(answer, kDate + 3720).value_or(""), HasSubstr("clock is 1h2m behind this machine's"));
    EXPECT_THAT(clock_difference(answer, kDate - 61).value_or(""), HasSubstr("clock is 1m1s ahead of this machine's"));
    EXPECT_TRUE(clock_difference(answer, INT32_MIN * 1000LL));
    for (const char* odd :
         {"", "now", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Abc 1994 08:49:37 GMT",
          "Sun, 06 anF 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 -1:49:37 GMT",
          "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
        answer.headers["date"] = odd;
        EXPECT_FALSE(clock_difference(answer, 0)) << odd;
    }
}

TEST(Refusal, FindsTheUserInAMessage) {
    EXPECT_EQ(user_in(kForbidden), "system:serviceaccount:prod:default");
    EXPECT_EQ(user_in(explain(refused(403, "Forbidden", kForbidden), kUpdate, kServer).detail),
              "system:serviceaccount:prod:default");
    // As Kubernetes up to 1.11 said it; the seeds of this project show it.
    EXPECT_EQ(user_in("endpoints \"x\" is forbidden: User \"jane\" cannot get endpoints in the namespace \"ns\"."),
              "jane");
    for (const char* other : {"", "User", "User \"", "User \"jane\"", "User \"jane\" may", "forbidden: quota"}) {
        EXPECT_EQ(user_in(other), "") << other;
    }
}

TEST(Actions, AreThoseOfARunInAFixedOrder) {
    KubernetesOptions options;
    const std::vector<Action> all{{"create", "coordination.k8s.io", "leases", "", "prod"},
                                  {"get", "coordination.k8s.io", "leases", "billing", "prod"},
                                  {"update", "coordination.k8s.io", "leases", "billing", "prod"},
                                  {"watch", "coordination.k8s.io", "leases", "billing", "prod"},
                                  {"create", "", "events", "", "prod"},
                                  {"patch", "", "pods", "", "prod"}};
    EXPECT_EQ(actions_of_a_run(options, "billing", "prod"), all);
    options.events = false;
    options.role_label.clear();
    options.lock = KubernetesLock::endpoints;
    const auto few = actions_of_a_run(options, "billing", "prod");
    ASSERT_EQ(few.size(), 4U);
    EXPECT_EQ(few[1], (Action{"get", "", "endpoints", "billing", "prod"}));
}

std::vector<std::string> texts(const YAML::Node& node) { return node.as<std::vector<std::string>>(); }

TEST(Role, AllowsThatAndNothingElse) {
    const std::string yaml = role_yaml(actions_of_a_run({}, "billing", "prod"), "leasehold", "prod", "");
    EXPECT_THAT(yaml, Not(HasSubstr("---")));
    const YAML::Node role = YAML::Load(yaml);
    EXPECT_EQ(role["apiVersion"].as<std::string>(), "rbac.authorization.k8s.io/v1");
    EXPECT_EQ(role["kind"].as<std::string>(), "Role");
    EXPECT_EQ(role["metadata"]["name"].as<std::string>(), "leasehold");
    EXPECT_EQ(role["metadata"]["namespace"].as<std::string>(), "prod");
    const YAML::Node rules = role["rules"];
    ASSERT_EQ(rules.size(), 4U);
    using Texts = std::vector<std::string>;
    EXPECT_EQ(texts(rules[0]["apiGroups"]), Texts{"coordination.k8s.io"});
    EXPECT_EQ(texts(rules[0]["resources"]), Texts{"leases"});
    EXPECT_EQ(texts(rules[0]["verbs"]), Texts{"create"});
    EXPECT_FALSE(rules[0]["resourceNames"]);
    EXPECT_EQ(texts(rules[1]["resources"]), Texts{"leases"});
    EXPECT_EQ(texts(rules[1]["resourceNames"]), Texts{"billing"});
    EXPECT_EQ(texts(rules[1]["verbs"]), (Texts{"get", "update", "watch"}));
    EXPECT_EQ(texts(rules[2]["apiGroups"]), Texts{""});
    EXPECT_EQ(texts(rules[2]["resources"]), Texts{"events"});
    EXPECT_EQ(texts(rules[2]["verbs"]), Texts{"create"});
    EXPECT_EQ(texts(rules[3]["resources"]), Texts{"pods"});
    EXPECT_EQ(texts(rules[3]["verbs"]), Texts{"patch"});
}

TEST(Role, IsBoundToAServiceAccount) {
    const auto documents = YAML::LoadAll(
        role_yaml(actions_of_a_run({}, "billing", "prod"), "leasehold", "prod", "system:serviceaccount:apps:runner"));
    ASSERT_EQ(documents.size(), 2U);
    const YAML::Node binding = documents[1];
    EXPECT_EQ(binding["kind"].as<std::string>(), "RoleBinding");
    EXPECT_EQ(binding["metadata"]["namespace"].as<std::string>(), "prod");
    EXPECT_EQ(binding["roleRef"]["kind"].as<std::string>(), "Role");
    EXPECT_EQ(binding["roleRef"]["apiGroup"].as<std::string>(), "rbac.authorization.k8s.io");
    EXPECT_EQ(binding["roleRef"]["name"].as<std::string>(), documents[0]["metadata"]["name"].as<std::string>());
    EXPECT_EQ(binding["subjects"][0]["kind"].as<std::string>(), "ServiceAccount");
    EXPECT_EQ(binding["subjects"][0]["name"].as<std::string>(), "runner");
    EXPECT_EQ(binding["subjects"][0]["namespace"].as<std::string>(), "apps");
    for (const char* user : {"jane", "system:serviceaccount:", "system:serviceaccount:a", "system:serviceaccount::b",
                             "system:serviceaccount:a:"}) {
        EXPECT_EQ(YAML::LoadAll(role_yaml({kUpdate}, "r", "prod", user)).size(), 1U) << user;
    }
}

TEST(Role, IsOnePerNamespace) {
    const auto documents = YAML::LoadAll(role_yaml({actions_of_a_run({}, "billing", "locks", "apps"), "leasehold"},
                                                   "system:serviceaccount:apps:runner"));
    ASSERT_EQ(documents.size(), 4U);
    for (std::size_t i : {0U, 1U}) EXPECT_EQ(documents[i]["metadata"]["namespace"].as<std::string>(), "locks");
    for (std::size_t i : {2U, 3U}) EXPECT_EQ(documents[i]["metadata"]["namespace"].as<std::string>(), "apps");
    EXPECT_EQ(documents[0]["rules"].size(), 3U);
    ASSERT_EQ(documents[2]["rules"].size(), 1U);
    EXPECT_EQ(texts(documents[2]["rules"][0]["resources"]), std::vector<std::string>{"pods"});
    EXPECT_EQ(documents[3]["kind"].as<std::string>(), "RoleBinding");
    EXPECT_EQ(documents[3]["subjects"][0]["namespace"].as<std::string>(), "apps");
}

TEST(Role, KeepsOddNamesWhole) {
    for (const char* odd : {"true", "123", "~", "a: b", "\"", "# x", "{}", "\xff"}) {
        const YAML::Node role = YAML::Load(role_yaml({{"get", "", "pods", odd, "n"}}, odd, odd, ""));
        const std::string name = role["metadata"]["name"].as<std::string>();
        EXPECT_EQ(name, std::string(odd) == "\xff" ? "\xef\xbf\xbd" : odd);
        EXPECT_EQ(role["rules"][0]["resourceNames"][0].as<std::string>(), name);
    }
}

TEST(Refusals, QuoteNothingThatATerminalObeys) {
    http::Answer answer;
    answer.status = 502;
    answer.body =
        "bad \x1b[2J \xc2\x9b"
        "31m gateway \xc3\xa4";
    const Refusal refusal = explain(answer, {"get", "", "configmaps", "billing", "prod"}, "server");
    EXPECT_NE(refusal.detail.find("bad [2J 31m gateway \xc3\xa4"), std::string::npos) << refusal.detail;
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
