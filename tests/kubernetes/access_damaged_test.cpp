// SPDX-License-Identifier: Apache-2.0
//
// Damaged kubeconfigs and damaged answers of plugins: whatever they hold, there is a result or an error of one line,
// and never a crash or an exception. The damage is the same in every run.
#include <random>

#include "election/stores/kubernetes/exec_credential.h"
#include "election/stores/kubernetes/kubeconfig.h"
#include "tests/kubernetes/access_support.h"

namespace leasehold::stores::kubernetes {
namespace {

constexpr int kRounds = 4000;

std::string whole_kubeconfig() {
    return R"(# a comment
apiVersion: v1
kind: Config
preferences: {}
current-context: "dev"
x-defaults: &defaults {server: 'https://[::1]:6443/prefix', tls-server-name: k}
clusters:
- name: here
  cluster:
    server: https://example.org:6443
    certificate-authority-data: )" +
           encode_base64(certificate(1)) + R"(
    proxy-url: socks5://u:p@h:1
    extensions:
    - name: client.authentication.k8s.io/exec
      extension: {a: 1, b: [true, ~, 'x', "\u00e4\t"], c: *defaults}
- {name: there, cluster: *defaults}
contexts:
- context: {cluster: here, user: me, namespace: shop}
  name: dev
users:
- name: me
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./plugin
      args: [get-token, --id, "1"]
      env:
      - {name: A, value: b}
      interactiveMode: Never
      provideClusterInfo: true
      installHint: |
        install
        it
)";
}

// A file that is emptied and written again is flushed to some disks at once, which takes long.
void put_anew(const AccessFolder& folder, const std::string& text) {
    std::filesystem::remove(folder / "config");
    folder.put("config", text);
}

class Damage {
public:
    std::string done_to(std::string text) {
        const int count = 1 + pick(4);
        for (int i = 0; i < count && !text.empty(); ++i) damage(text);
        return text;
    }

private:
    int pick(std::size_t below) { return static_cast<int>(random_() % below); }
    std::size_t place(const std::string& text) { return random_() % text.size(); }

    void damage(std::string& text) {
        static const std::string kSpecial = "\n\t :-[]{}'\"\\&*#|>?!%@~,.0\r\0\x80\xff\xc3";
        switch (pick(6)) {
            case 0: text.resize(place(text)); break;
            case 1: text[place(text)] = kSpecial[random_() % kSpecial.size()]; break;
            case 2: text[place(text)] = static_cast<char>(random_()); break;
            case 3: text.erase(place(text), random_() % 20); break;
            case 4: text.insert(place(text), 1, kSpecial[random_() % kSpecial.size()]); break;
            default: text.insert(place(text), text.substr(place(text), random_() % 60)); break;
        }
    }

    std::mt19937 random_{20240506};  // NOLINT: the same every time
};

TEST(AccessDamaged, KubeconfigsAreReadOrRefused) {
    const AccessFolder folder;
    const std::string whole = whole_kubeconfig();
    const KubeconfigFiles files{{folder.put("config", whole)}, true};
    const auto good = choose_from_kubeconfig(files, "");
    ASSERT_TRUE(good) << good.error().message;
    EXPECT_EQ(good->target.exec->cluster_config.dump(),
              R"({"a":1,"b":[true,null,"x","ä\t"],"c":{"server":"https://[::1]:6443/prefix","tls-server-name":"k"}})");
    Damage damage;
    int refused = 0;
    for (int i = 0; i < kRounds; ++i) {
        put_anew(folder, damage.done_to(whole));
        const auto made = choose_from_kubeconfig(files, "");
        if (made) continue;
        ++refused;
        EXPECT_FALSE(made.error().message.empty());
        EXPECT_EQ(made.error().message.find('\n'), std::string::npos) << made.error().message;
    }
    EXPECT_GT(refused, kRounds / 10);
    EXPECT_LT(refused, kRounds);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        put_anew(folder, whole.substr(0, size));
        (void)choose_from_kubeconfig(files, "");
    }
}

TEST(AccessDamaged, AnswersOfPluginsAreTakenOrRefused) {
    ExecCommand command;
    command.api_version = "client.authentication.k8s.io/v1";
    const nlohmann::json answer{{"apiVersion", command.api_version},
                                {"kind", "ExecCredential"},
                                {"status",
                                 {{"token", "abc"},
                                  {"expirationTimestamp", "2030-01-02T03:04:05Z"},
                                  {"clientCertificateData", certificate(1)},
                                  {"clientKeyData", private_key(1)}}}};
    const std::string whole = answer.dump(2);
    ASSERT_TRUE(parse_exec_credential(command, whole));
    Damage damage;
    int refused = 0;
    for (int i = 0; i < kRounds; ++i) {
        const auto made = parse_exec_credential(command, damage.done_to(whole));
        if (made) continue;
        ++refused;
        EXPECT_EQ(made.error().message.find('\n'), std::string::npos) << made.error().message;
    }
    EXPECT_GT(refused, kRounds / 10);
    EXPECT_FALSE(parse_exec_credential(command, std::string(1 << 20, '[')));
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
