// SPDX-License-Identifier: Apache-2.0
//
// Faults of a store's servers, and of the network between them and the candidates.
#include <csignal>

#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

using Mode = servers::Relay::Mode;
using servers::Ensemble;

const std::string kServers = "the store's servers";
const std::string kNetwork = "the network between the store and the candidates";
const std::string kNothing = "the same process runs on";
const std::string kAfterLease = "successor after the lease";

// A fault that is shorter than the renew deadline.
const harness::TestTiming kPatient{"9s", "6s", "300ms", ""};
// One that is longer.
const harness::TestTiming kQuick{"2s", "1s", "200ms", ""};
constexpr milliseconds kSomeRenewals{1000};

Row row(const std::string& subject, const std::string& fault, const std::string& expected,
        const harness::TestTiming& timing, std::function<void(Trial&)> play) {
    return {.subject = subject,
            .fault = fault,
            .expected = expected,
            .play = std::move(play),
            .setup = {.timing = timing, .own_servers = true},
            .stores = Stores::servers,
            .containments = {},
            .most_repetitions = 20};
}

// The first leader still leads, and renews.
void expect_renewals(Trial& trial) {
    const auto renew_time = [&] { return trial.record().value_or(""); };
    const std::string before = renew_time();
    if (!harness::eventually([&] { return renew_time() != before; })) throw Failed{"nothing is renewed"};
    trial.expect_same_for(kSomeRenewals);
}

// Of the members, these are not there for a while that is too short to matter.
Row unnoticed(const std::string& fault, std::function<void(Trial&)> play) {
    return row(kServers, fault, kNothing, kPatient, [play = std::move(play)](Trial& trial) {
        play(trial);
        trial.servers().await_ready();
        expect_renewals(trial);
    });
}

Row each_member_restarted() {
    return unnoticed("each member killed and started again, one after the other", [](Trial& trial) {
        for (int member = 0; member < trial.servers().size(); ++member) {
            trial.servers().kill(member);
            expect_renewals(trial);
            trial.servers().start(member);
            trial.servers().await_ready();
        }
    });
}

Row leader_killed() {
    return unnoticed("the leading member killed", [](Trial& trial) {
        const int leader = trial.servers().leader();
        trial.servers().kill(leader);
        expect_renewals(trial);
        trial.servers().start(leader);
    });
}

Row leader_stopped() {
    return unnoticed("the leading member: SIGSTOP, SIGCONT 3 s later", [](Trial& trial) {
        const int leader = trial.servers().leader();
        trial.servers().pause(leader);
        Trial::pass(milliseconds(3000));
        trial.servers().resume(leader);
    });
}

std::vector<int> majority(Ensemble& servers) {
    std::vector<int> members;
    for (int member = 0; member <= servers.size() / 2; ++member) members.push_back(member);
    return members;
}

Row majority_lost_for_a_moment() {
    return unnoticed("the majority killed and started again", [](Trial& trial) {
        for (const int member : majority(trial.servers())) trial.servers().kill(member);
        for (const int member : majority(trial.servers())) trial.servers().start(member);
    });
}

// The tree ends in time, whoever is right about who leads; somebody leads again once it is repaired.
Row too_long(const std::string& subject, const std::string& fault, std::function<void(Trial&)> break_it,
             std::function<void(Trial&)> repair_it) {
    return row(subject, fault, "tree gone in time; led again when repaired", kQuick,
               [break_it = std::move(break_it), repair_it = std::move(repair_it)](Trial& trial) {
                   break_it(trial);
                   Trial::pass(trial.leases(2));
                   if (trial.still_stamping()) throw Failed{"the workload outlives its lease"};
                   repair_it(trial);
                   trial.expect_successor();
               });
}

Row majority_lost() {
    return too_long(
        kServers, "the majority killed for two leases",
        [](Trial& trial) {
            for (const int member : majority(trial.servers())) trial.servers().kill(member);
        },
        [](Trial& trial) {
            for (const int member : majority(trial.servers())) trial.servers().start(member);
        });
}

Row all_stopped() {
    const auto all = [](auto what) {
        return [what](Trial& trial) {
            for (int member = 0; member < trial.servers().size(); ++member) (trial.servers().*what)(member);
        };
    };
    return too_long(kServers, "all members: SIGSTOP for two leases", all(&Ensemble::pause), all(&Ensemble::resume));
}

Row everybody_cut_off(const std::string& how, Mode mode) {
    return too_long(
        kNetwork, "both candidates: " + how + " for two leases",
        [mode](Trial& trial) {
            for (const auto* candidate : {&trial.leader(), &trial.standby()}) trial.ways_of(*candidate).set(mode);
        },
        [](Trial& trial) {
            for (const auto* candidate : {&trial.leader(), &trial.standby()}) trial.ways_of(*candidate).repair();
        });
}

// The old leader is led back to the store, and has to behave.
Row leader_cut_off(const std::string& how, Mode mode) {
    return row(kNetwork, "the leader: " + how, kAfterLease, kQuick, [mode](Trial& trial) {
        trial.ways_of(trial.leader()).set(mode);
        trial.expect_successor();
        trial.ways_of(trial.leader()).repair();
        trial.expect_log(trial.leader(), "standby holds the lease");
        trial.expect_same_for(kSomeRenewals);
    });
}

Row standby_cut_off(const std::string& how, Mode mode) {
    return row(kNetwork, "the standby: " + how + " for two leases, then SIGTERM to the leader", kAfterLease, kQuick,
               [mode](Trial& trial) {
                   trial.ways_of(trial.standby()).set(mode);
                   trial.expect_same_for(trial.leases(2));
                   trial.ways_of(trial.standby()).repair();
                   trial.signal(Part::guardian, SIGTERM);
                   trial.expect_successor();
               });
}

// For each of the ways in turn; the others, if there are any, are as good.
Row one_way_cut_off(const std::string& how, Mode mode) {
    return row(kNetwork, "towards one member after the other: " + how, kNothing, kPatient, [mode](Trial& trial) {
        const std::size_t ways = trial.ways_of(trial.leader()).size();
        if (ways == 1) throw Skipped{"the candidates know one server only"};
        for (std::size_t way = 0; way < ways; ++way) {
            for (const auto* candidate : {&trial.leader(), &trial.standby()}) trial.ways_of(*candidate)[way].set(mode);
            expect_renewals(trial);
            for (const auto* candidate : {&trial.leader(), &trial.standby()}) trial.ways_of(*candidate).repair();
        }
    });
}

Row not_quick(Row row) {
    row.quick = false;
    return row;
}

}  // namespace

std::vector<Row> rows_of_servers() {
    std::vector<Row> rows{each_member_restarted(),
                          leader_killed(),
                          not_quick(leader_stopped()),
                          not_quick(majority_lost_for_a_moment()),
                          majority_lost(),
                          not_quick(all_stopped())};
    const std::vector<std::pair<std::string, Mode>> faults{{"a black hole", Mode::black_hole},
                                                           {"requests pass, answers do not", Mode::one_way},
                                                           {"answers come byte by byte", Mode::drip},
                                                           {"connections refused", Mode::refuse}};
    for (const auto& [how, mode] : faults) {
        const bool quick = mode == Mode::one_way;
        for (const auto& made : {leader_cut_off, standby_cut_off, everybody_cut_off, one_way_cut_off}) {
            rows.push_back(quick || made == leader_cut_off ? made(how, mode) : not_quick(made(how, mode)));
        }
    }
    return rows;
}

}  // namespace leasehold::faults
