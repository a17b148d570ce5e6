// SPDX-License-Identifier: Apache-2.0
#include "supervisor/signal_rules.h"

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

using Duty = SignalRule::Duty;

const SignalOptions kPlain;
const SignalOptions kRewriting{SignalTarget::group,
                               {{SIGHUP, SIGUSR1},
                                {SIGUSR2, SignalOptions::kDropped},
                                {SIGQUIT, SIGTERM},
                                // What the configuration refuses changes nothing here either.
                                {SIGTERM, SIGUSR1},
                                {SIGINT, SignalOptions::kDropped},
                                {SIGCONT, SignalOptions::kDropped},
                                {SIGCHLD, SIGUSR1},
                                {SIGTSTP, SIGSTOP}}};

TEST(SignalRules, end_leasehold_by_TERM_and_INT_and_by_QUIT_where_no_workload_runs) {
    for (const SignalOptions& options : {kPlain, kRewriting}) {
        for (const bool workload_here : {true, false}) {
            EXPECT_EQ(rule_for(SIGTERM, workload_here, options), SignalRule{Duty::stop});
            EXPECT_EQ(rule_for(SIGINT, workload_here, options), SignalRule{Duty::stop});
        }
        EXPECT_EQ(rule_for(SIGQUIT, false, options), SignalRule{Duty::stop});
    }
}

TEST(SignalRules, keep_to_leasehold_what_is_its_own) {
    for (const SignalOptions& options : {kPlain, kRewriting}) {
        EXPECT_EQ(rule_for(SIGCHLD, true, options), SignalRule{Duty::reap});
        for (const int signal : {SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU}) {
            EXPECT_EQ(rule_for(signal, true, options), SignalRule{Duty::nothing}) << signal;
        }
        EXPECT_EQ(rule_for(SIGCONT, true, options), (SignalRule{Duty::hand_on, SIGCONT}));
    }
}

TEST(SignalRules, hand_on_all_others_as_they_are) {
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
        const bool special = rule_for(signal, true, kPlain).duty != Duty::hand_on;
        EXPECT_TRUE(special || rule_for(signal, true, kPlain).handed_on == signal) << signal;
    }
    for (const int signal : {SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM, SIGURG, SIGRTMIN, SIGRTMAX}) {
        EXPECT_EQ(rule_for(signal, true, kPlain), (SignalRule{Duty::hand_on, signal}));
    }
}

TEST(SignalRules, rewrite_and_drop) {
    EXPECT_EQ(rule_for(SIGHUP, true, kRewriting), (SignalRule{Duty::hand_on, SIGUSR1}));
    EXPECT_EQ(rule_for(SIGUSR2, true, kRewriting), SignalRule{Duty::nothing});
    EXPECT_EQ(rule_for(SIGQUIT, true, kRewriting), (SignalRule{Duty::hand_on, SIGTERM}));
    EXPECT_EQ(rule_for(SIGUSR1, true, kRewriting), (SignalRule{Duty::hand_on, SIGUSR1}));  // only once
}

}  // namespace
}  // namespace leasehold::supervisor
