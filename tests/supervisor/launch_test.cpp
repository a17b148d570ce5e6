// SPDX-License-Identifier: Apache-2.0
#include "supervisor/launch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "supervisor/launch_internal.h"

namespace leasehold::supervisor {
namespace {

LaunchSpec full_spec() {
    LaunchSpec spec;
    spec.identity = "host_1";
    spec.election = "billing";
    spec.incarnation = std::string("in\0carn", 7);
    spec.workload.command = {"/bin/sh", "", "a b\n\"c\""};
    spec.workload.env = {{"A", ""}, {"B", "x=y"}};
    spec.workload.standby_command = {"/bin/follow", "-n"};
    spec.workload.stop = {SIGINT, std::chrono::milliseconds(1500), {"/bin/stop", "now"}};
    spec.workload.hooks = {{"/bin/a", "1"}, {"/bin/b"}, {"/bin/c"}, {"/bin/d"}, {"/bin/e"}, std::chrono::seconds(8)};
    spec.workload.no_new_privs = NoNewPrivileges::no;
    spec.workload.restart = {RestartWhen::on_failure, {0, 143}, std::chrono::seconds(2), std::chrono::seconds(3),
                             std::chrono::seconds(4), 5,        std::chrono::seconds(6), AfterTheLast::hold};
    spec.workload.output = {OutputFormat::json, "p: ", OutputOverflow::drop, 1 << 18, 3};
    spec.workload.process.clear_env = true;
    spec.attributes = {Credentials{33, 34, {35, 36}}, 027, {{7, 8, ~std::uint64_t{0}}}, "/srv", -5, 100};
    spec.protection = {SchedulingChoice::normal, -17, MemoryLocking::off};
    spec.inheritance = {-3, 60'000};
    spec.workload.signals = {SignalTarget::process, {{SIGHUP, SIGUSR1}, {SIGUSR2, SignalOptions::kDropped}}};
    spec.workload.ready.probe = {.given = true,
                                 .exec = {"/bin/serves"},
                                 .interval = std::chrono::seconds(8),
                                 .timeout = std::chrono::seconds(9),
                                 .initial_delay = std::chrono::seconds(10),
                                 .failure_threshold = 11,
                                 .success_threshold = 12};
    spec.workload.health = {.given = true,
                            .exec = {"/bin/well", "-q"},
                            .interval = std::chrono::seconds(7),
                            .timeout = std::chrono::milliseconds(1250),
                            .initial_delay = std::chrono::minutes(1),
                            .failure_threshold = 4,
                            .success_threshold = 2,
                            .then = AfterUnhealthy::resign};
    spec.workload.candidacy = {.given = true,
                               .exec = {"/bin/fresh"},
                               .interval = std::chrono::seconds(3),
                               .timeout = std::chrono::milliseconds(750),
                               .failure_threshold = 6,
                               .success_threshold = 5};
    spec.containment = {ContainmentMethod::cgroup, "0123456789abcdef", "/sys/fs/cgroup/x", "why not"};
    spec.kill_allowance = std::chrono::milliseconds(99);
    spec.recheck = std::chrono::milliseconds(750);
    spec.wait_timeout = std::chrono::seconds(9);
    spec.logging = {log::Level::error, log::Format::json};
    spec.config_fd = 12;
    spec.listener_fds = {13, 14};
    spec.config_file = "/etc/leasehold.yaml";
    spec.command_given = true;
    spec.longest_lease = std::chrono::seconds(40);
    spec.reload = 7;
    spec.reload_text = "in force: a";
    spec.control_fd = 15;
    spec.held_fds = {15};
    spec.notify_fd = 16;
    spec.notices_fd = 18;
    spec.watchdog = std::chrono::seconds(17);
    return spec;
}

void expect_equal(const LaunchSpec& a, const LaunchSpec& b) {
    EXPECT_EQ(a.identity, b.identity);
    EXPECT_EQ(a.election, b.election);
    EXPECT_EQ(a.incarnation, b.incarnation);
    EXPECT_EQ(a.workload, b.workload);
    EXPECT_EQ(a.attributes, b.attributes);
    EXPECT_EQ(a.protection, b.protection);
    EXPECT_EQ(a.inheritance, b.inheritance);
    EXPECT_EQ(a.containment, b.containment);
    EXPECT_EQ(a.kill_allowance, b.kill_allowance);
    EXPECT_EQ(a.recheck, b.recheck);
    EXPECT_EQ(a.wait_timeout, b.wait_timeout);
    EXPECT_EQ(a.logging, b.logging);
    EXPECT_EQ(a.config_fd, b.config_fd);
    EXPECT_EQ(a.listener_fds, b.listener_fds);
    EXPECT_EQ(a.config_file, b.config_file);
    EXPECT_EQ(a.command_given, b.command_given);
    EXPECT_EQ(a.longest_lease, b.longest_lease);
    EXPECT_EQ(a.reload, b.reload);
    EXPECT_EQ(a.reload_text, b.reload_text);
    EXPECT_EQ(a.control_fd, b.control_fd);
    EXPECT_EQ(a.held_fds, b.held_fds);
    EXPECT_EQ(a.notify_fd, b.notify_fd);
    EXPECT_EQ(a.notices_fd, b.notices_fd);
    EXPECT_EQ(a.watchdog, b.watchdog);
}

TEST(LaunchSpec, survives_the_journey) {
    for (const LaunchSpec& spec : {LaunchSpec{}, full_spec()}) {
        auto fd = seal_launch_spec(spec);
        ASSERT_TRUE(fd) << fd.error().message;
        for (int reader = 0; reader < 2; ++reader) {  // the offset does not matter
            auto read = read_launch_spec(fd->get());
            ASSERT_TRUE(read) << read.error().message;
            expect_equal(*read, spec);
        }
    }
}

TEST(LaunchSpec, travels_sealed) {
    auto fd = seal_launch_spec(full_spec());
    ASSERT_TRUE(fd);
    EXPECT_LT(write(fd->get(), "x", 1), 0);
    EXPECT_NE(ftruncate(fd->get(), 0), 0);
}

TEST(LaunchSpec, refuses_every_truncation_and_whatever_follows_the_end) {
    const std::string bytes = encode(full_spec());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(decode_launch_spec(std::string_view(bytes).substr(0, size))) << size;
    }
    EXPECT_FALSE(decode_launch_spec(bytes + std::string(8, '\0')));
    EXPECT_TRUE(decode_launch_spec(bytes));
}

TEST(LaunchSpec, survives_any_damaged_byte) {
    const std::string bytes = encode(full_spec());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
            std::string damaged = bytes;
            damaged[at] = value;
            (void)decode_launch_spec(damaged);  // an answer or a refusal, but neither a crash nor a huge allocation
        }
    }
    std::string other_version = bytes;
    other_version[0] = static_cast<char>(other_version[0] + 1);
    EXPECT_FALSE(decode_launch_spec(other_version));
}

TEST(AgentArguments, are_read_and_made_close_on_exec) {
    LaunchSpec spec = full_spec();
    spec.config_fd = fcntl(0, F_DUPFD, 100);
    spec.listener_fds = {fcntl(0, F_DUPFD, 100)};
    spec.held_fds = {fcntl(0, F_DUPFD, 100)};
    spec.notices_fd = fcntl(0, F_DUPFD, 100);
    auto sealed = seal_launch_spec(spec);
    ASSERT_TRUE(sealed);
    const int spec_fd = fcntl(sealed->get(), F_DUPFD, 100);
    const int page_fd = fcntl(0, F_DUPFD, 100);
    const int guardian_fd = fcntl(0, F_DUPFD, 100);
    auto launch = parse_agent_arguments({"--spec-fd=" + std::to_string(spec_fd), "--page-fd=" + std::to_string(page_fd),
                                         "--guardian-fd=" + std::to_string(guardian_fd), "--agent-number=3"});
    ASSERT_TRUE(launch) << launch.error().message;
    expect_equal(launch->spec, spec);
    EXPECT_EQ(launch->page_fd, page_fd);
    EXPECT_EQ(launch->guardian_fd, guardian_fd);
    EXPECT_EQ(launch->agent_number, 3U);
    for (const int fd :
         {page_fd, guardian_fd, spec.config_fd, spec.listener_fds[0], spec.held_fds[0], spec.notices_fd}) {
        EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC) << fd;
        close(fd);
    }
    EXPECT_LT(fcntl(spec_fd, F_GETFD), 0);  // read, and closed
}

TEST(AgentArguments, are_refused_when_they_make_no_sense) {
    const std::string spec = "--spec-fd=" + std::to_string(seal_launch_spec(full_spec())->release());
    EXPECT_FALSE(parse_agent_arguments({}));
    EXPECT_FALSE(parse_agent_arguments({spec}));
    EXPECT_FALSE(parse_agent_arguments({spec, "--page-fd=1"}));
    EXPECT_FALSE(parse_agent_arguments({spec, "--page-fd=1", "--guardian-fd=x"}));
    EXPECT_FALSE(parse_agent_arguments({spec, "--page-fd=1", "--guardian-fd=-4"}));
    EXPECT_FALSE(parse_agent_arguments({spec, "--page-fd=1", "--guardian-fd=1", "--help"}));
    EXPECT_FALSE(parse_agent_arguments({"--spec-fd=99999", "--page-fd=1", "--guardian-fd=1"}));
}

}  // namespace
}  // namespace leasehold::supervisor
