// SPDX-License-Identifier: Apache-2.0
//
// The whole program on a Kubernetes API that does what no healthy one does: for less than the renew deadline, which the
// workload must not notice, and for longer, which must end it in order and no more than that.
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/harness/board.h"
#include "tests/harness/candidate.h"
#include "tests/servers/scripted_api.h"

namespace leasehold::harness {
namespace {

using servers::Objects;
using servers::Reply;
using servers::Request;
using servers::ScriptedApi;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kLease = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/test";

// Requests of one candidate in a second. A leader whose writes meet conflicts makes some fifty with these timings; a
// loop without a pause makes thousands.
constexpr std::size_t kFlood = 100;

struct Trouble {
    std::string name;
    // The server carries out what it is asked for, but its answer does not say so. (It says what it has refused.)
    bool carried_out = false;
    ScriptedApi::Trouble reply;
};

void PrintTo(const Trouble& trouble, std::ostream* out) { *out << trouble.name; }

Reply error(int code, const std::string& reason) {
    return Reply::json(code, Objects::error(code, reason, "says the script").body.dump());
}

Trouble answering(const std::string& name, const Reply& reply) {
    return {name, false, [reply](const auto&, const auto&) { return reply; }};
}

Trouble after_doing_it(const std::string& name, const std::function<Reply(std::string body)>& reply) {
    return {name, true, [reply](const Request& request, const auto& healthy) {
                if (ScriptedApi::is_watch(request)) {
                    return reply(R"({"type":"MODIFIED","object":{"kind":"Lease","metadata":{}}})");
                }
                const Reply right = healthy();
                return right.status < 300 ? reply(right.body) : right;
            }};
}

std::vector<Trouble> all_troubles() {
    return {
        answering("Unauthorized", error(401, "Unauthorized")),
        answering("Conflict", error(409, "Conflict")),
        answering("Gone", error(410, "Expired")),
        answering("TooManyRequests", Reply::throttled(60)),
        answering("InternalError", error(500, "InternalError")),
        answering("NoAnswer", Reply::by(Reply::Way::silence)),
        answering("Reset", Reply::by(Reply::Way::reset)),
        answering("ErrorOfAProxy", Reply::html(502, "<html><h1>502 Bad Gateway</h1></html>")),
        answering("PageOfAProxy", Reply::html(200, "<html><h1>Please sign in</h1></html>")),
        after_doing_it("HalfAnObject", [](auto body) { return Reply::json(200, body.substr(0, body.size() / 2)); }),
        after_doing_it("HalfABody", [](auto body) { return Reply::truncated(body.substr(0, body.size() / 2), 100); }),
        after_doing_it("Dripping", [](auto body) { return Reply::drip(body, 1, milliseconds(100)); }),
        after_doing_it("LostAnswer", [](const auto&) { return Reply::by(Reply::Way::close); }),
    };
}

enum class Scope { all, writes, watch };

// Two candidates on a server of their own; `a` leads.
class Election {
public:
    Election(const Trouble& trouble, Scope scope, const TestTiming& timing) : trouble_(trouble), scope_(scope) {
        api_.put(kLease,
                 {{"metadata",
                   {{"name", "test"}, {"namespace", "ns"}, {"annotations", {{"leasehold.io/unused", "true"}}}}}});
        write_file(folder_.path("ca.crt"), api_.ca_pem());
        first_.emplace(options("a", timing));
        EXPECT_TRUE(eventually([&] { return runs() == 1; })) << first_->log();
        second_.emplace(options("b", timing));
        EXPECT_TRUE(eventually([&] { return second_->log().find("a holds the lease") != std::string::npos; }))
            << second_->log();
        begin_ = spec();
    }

    void begin_trouble() {
        api_.set_trouble([this](const Request& request, const ScriptedApi::Healthy& healthy) {
            if (!concerns(request)) return healthy();
            const bool counts = scope_ == Scope::watch || !ScriptedApi::is_watch(request);
            if (counts && ScriptedApi::token_of(request) == "a") ++troubled_;
            return trouble_.reply(request, healthy);
        });
        api_.disconnect();
    }
    void end_trouble() {
        api_.set_trouble({});
        troubled_ = 0;
    }

    // A leader that cannot tell whether it has written asks, and goes on where it hears that it has.
    bool bears_it() const { return scope_ == Scope::watch || (scope_ == Scope::writes && trouble_.carried_out); }

    // Requests of `a` that have met the trouble, watches only where nothing else does: one after the other.
    int troubled() const { return troubled_; }

    std::size_t runs() const { return board_.runs().size(); }
    bool runs_now() const { return !board_.living_trees().empty(); }
    Objects::Json spec() const { return api_.get(kLease).value("spec", Objects::Json()); }

    // The lease as it was at first, but for its renewals.
    bool same_term() const {
        const auto now = spec();
        return now["holderIdentity"] == "a" && now["leaseTransitions"] == begin_["leaseTransitions"];
    }
    // Some leader's renewals arrive.
    bool renewed() {
        const auto before = spec()["renewTime"];
        return eventually([&] { return spec()["renewTime"] != before; });
    }

    Candidate& first() { return *first_; }
    Candidate& second() { return *second_; }

    // What is left to say when both have ended.
    void end() {
        for (auto* candidate : {&*first_, &*second_}) {
            candidate->process().signal(SIGTERM);
            EXPECT_TRUE(candidate->process().wait()) << candidate->log();
            const std::size_t busiest = servers::busiest_second(api_.arrivals(candidate->name()));
            EXPECT_LT(busiest, kFlood) << "requests of " << candidate->name() << " in one second\n" << candidate->log();
        }
        EXPECT_EQ(find_overlap(board_.runs()), "");
        EXPECT_FALSE(runs_now());
    }
    std::string what() const {
        return scope_ == Scope::all ? "all requests" : scope_ == Scope::writes ? "writes" : "the watch";
    }
    std::string logs() { return "--- a\n" + first_->log() + "--- b\n" + second_->log(); }

private:
    bool concerns(const Request& request) const {
        return scope_ == Scope::all ||
               (scope_ == Scope::writes ? ScriptedApi::is_write(request) : ScriptedApi::is_watch(request));
    }

    Candidate::Options options(const std::string& name, const TestTiming& timing) {
        const std::string kubeconfig = folder_.path(name + ".kubeconfig");
        write_file(kubeconfig, api_.kubeconfig(name, "ns", folder_.path("ca.crt")));
        return {.folder = folder_.path(),
                .name = name,
                .command = {stamper_program(), folder_.path("board")},
                .timing = timing,
                .store = "kubernetes: {role_label: none, kubeconfig: " + kubeconfig + '}'};
    }

    const Trouble& trouble_;
    const Scope scope_;
    TempFolder folder_;
    Board board_{folder_.path("board")};
    std::atomic<int> troubled_ = 0;
    Objects::Json begin_;
    ScriptedApi api_;
    std::optional<Candidate> first_;
    std::optional<Candidate> second_;
};

class KubernetesTrouble : public testing::TestWithParam<Trouble> {
protected:
    void TearDown() override {
        for (auto& election : elections_) {
            if (HasFailure()) fmt::print("=== {}\n{}", election->what(), election->logs());
        }
    }

    void start(const std::vector<Scope>& scopes, const TestTiming& timing) {
        for (const Scope scope : scopes) {
            elections_.push_back(std::make_unique<Election>(GetParam(), scope, timing));
            if (HasFailure()) return;
        }
    }

    std::vector<std::unique_ptr<Election>> elections_;
};

TEST_P(KubernetesTrouble, ForLessThanTheDeadlineGoesUnnoticed) {
    start({Scope::all, Scope::writes}, {"5s", "4s", "200ms", ""});
    ASSERT_FALSE(HasFailure());
    for (auto& election : elections_) election->begin_trouble();
    for (auto& election : elections_) {
        SCOPED_TRACE(election->what());
        EXPECT_TRUE(eventually([&] { return election->troubled() >= 2; }));
        election->end_trouble();
    }
    for (auto& election : elections_) {
        SCOPED_TRACE(election->what());
        EXPECT_TRUE(election->renewed() && election->renewed());
        EXPECT_TRUE(election->same_term());
        EXPECT_EQ(election->runs(), 1U);
        election->first().process().signal(SIGTERM);
        EXPECT_TRUE(eventually([&] { return election->runs() == 2; })) << "no successor";
        election->end();
    }
}

TEST_P(KubernetesTrouble, ForLongerThanTheDeadlineEndsTheTermInOrder) {
    start({Scope::all, Scope::writes, Scope::watch}, {"3s", "2s", "200ms", ""});
    ASSERT_FALSE(HasFailure());
    for (auto& election : elections_) election->begin_trouble();
    const auto begin = monotonic_now();
    for (auto& election : elections_) {
        SCOPED_TRACE(election->what());
        EXPECT_TRUE(election->bears_it() || eventually([&] { return !election->runs_now(); }));
    }
    eventually([&] { return monotonic_now() - begin > milliseconds(3500); });  // the lease has passed too
    for (auto& election : elections_) {
        SCOPED_TRACE(election->what());
        EXPECT_EQ(election->runs(), 1U);
        EXPECT_EQ(election->runs_now(), election->bears_it());
        EXPECT_GT(election->troubled(), 0);
        const std::size_t wanted = election->bears_it() ? 1 : 2;
        election->end_trouble();
        EXPECT_TRUE(eventually([&] { return election->runs() == wanted; }));
        EXPECT_TRUE(election->renewed());
        EXPECT_EQ(election->runs(), wanted);
        EXPECT_EQ(election->same_term(), election->bears_it());
        election->end();
    }
}

INSTANTIATE_TEST_SUITE_P(, KubernetesTrouble, testing::ValuesIn(all_troubles()),
                         [](const auto& tested) { return tested.param.name; });

TEST(BusiestSecond, SeesAFlood) {
    const auto at = [](int ms) { return std::chrono::nanoseconds(milliseconds(ms)); };
    EXPECT_EQ(servers::busiest_second({}), 0U);
    EXPECT_EQ(servers::busiest_second({at(0), at(999), at(1000), at(1998), at(1999)}), 3U);
    std::vector<std::chrono::nanoseconds> loop;
    for (int i = 0; i < 500; ++i) loop.push_back(at(i * 10));
    EXPECT_GE(servers::busiest_second(loop), kFlood);
}

}  // namespace
}  // namespace leasehold::harness
