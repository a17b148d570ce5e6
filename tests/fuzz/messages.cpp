// SPDX-License-Identifier: Apache-2.0
//
// What the processes of a candidate hand to each other. The one that talks to the network must not be able to harm the
// other two.  0: a packet;  1: the launch description, with changes;  2: the arguments of a role, one a line;  3: a
// page of memory.
#include "supervisor/messages.h"

#include <cstring>

#include <sys/socket.h>

#include "base/sealed_memory.h"
#include "fuzz.h"
#include "supervisor/launch_internal.h"
#include "supervisor/shared_page.h"

namespace leasehold::fuzz {
namespace {

using namespace supervisor;

struct Ends {
    Channel receiver, sender;
};

Ends& ends() {
    static Ends both = [] {
        auto pair = Channel::pair();
        require(pair.has_value(), "there are sockets");
        return Ends{std::move(pair->first), std::move(pair->second)};
    }();
    return both;
}

std::string sent_as(const Message& message) {
    require(ends().sender.send(message).has_value(), "what was received can be sent");
    std::string packet(1024, '\0');
    const ssize_t size = recv(ends().receiver.fd(), packet.data(), packet.size(), MSG_DONTWAIT);
    require(size > 0, "what was sent arrives");
    packet.resize(static_cast<std::size_t>(size));
    return packet;
}

// A header that is right, then the bytes: the fuzzer need not find the version.
void check_packet(std::string_view text) {
    if (text.empty()) return;
    const auto kind = static_cast<std::uint32_t>(static_cast<unsigned char>(text.front()) % 64);
    text.remove_prefix(1);
    std::string packet(8, '\0');
    std::memcpy(packet.data(), &kProtocolVersion, 4);
    std::memcpy(packet.data() + 4, &kind, 4);
    packet += text.substr(0, 2000);
    require(send(ends().sender.fd(), packet.data(), packet.size(), MSG_DONTWAIT) >= 0, "a packet can be sent");
    auto received = ends().receiver.receive();
    if (!received) return require(!received.error().message.empty(), "what is refused says why");
    require(received->has_value() && !(*received)->fd, "a packet that was sent was received");
    const Message& message = (*received)->message;
    require(message.index() == kind, "a packet is what it says that it is");
    // What lies between the members is nobody's, and need not come along.
    const std::string once = sent_as(message);
    require(once.size() == packet.size(), "a message that is sent on is as long");
    require(send(ends().sender.fd(), once.data(), once.size(), MSG_DONTWAIT) >= 0, "a packet can be sent");
    auto again = ends().receiver.receive();
    require(again.has_value() && again->has_value(), "what was sent on is understood");
    require((*again)->message.index() == kind, "what was sent on is still what it was");
}

// Changes to a description that is right: two bytes that say where, and the one that is to stand there.
std::string changed_launch(std::string_view text) {
    LaunchSpec spec;
    spec.identity = "alpha_1";
    spec.election = "billing";
    spec.workload.command = {"/usr/bin/legacyd", "--foreground"};
    spec.workload.env = {{"KEY", "value"}};
    spec.listener_fds = {7, 8};
    std::string bytes = encode(spec);
    for (; text.size() >= 3; text.remove_prefix(3)) {
        const auto at =
            static_cast<std::size_t>(static_cast<unsigned char>(text[0]) * 256 + static_cast<unsigned char>(text[1]));
        bytes[at % bytes.size()] = text[2];
    }
    if (text.size() == 1) bytes.resize(bytes.size() - static_cast<unsigned char>(text[0]) % bytes.size());
    return bytes;
}

void check_launch(std::string_view text) {
    const auto spec = decode_launch_spec(changed_launch(text));
    if (!spec) return require(!spec.error().message.empty(), "what is refused says why");
    const std::string once = encode(*spec);
    const auto again = decode_launch_spec(once);
    require(again.has_value(), "a description that was understood can be handed on");
    require(encode(*again) == once, "a description that is handed on is the same");
}

void check_arguments(std::string_view text) {
    std::vector<std::string> arguments;
    while (!text.empty()) arguments.emplace_back(take_until(text, '\n'));
    // Descriptors of this very process are not for it to close.
    for (std::string& argument : arguments) {
        const std::size_t equals = argument.find('=');
        if (equals != std::string::npos) argument.insert(equals + 1, "9");
    }
    require(!parse_role_arguments(arguments), "nothing is a role without its description");
}

void check_page(std::string_view text) {
    auto page = SharedPage::create();
    require(page.has_value(), "there is memory");
    TermGrant last;
    for (; text.size() >= 5; text.remove_prefix(5)) {
        const auto byte = [&](std::size_t at) { return std::uint64_t{static_cast<unsigned char>(text[at])}; };
        const Duration soft(byte(2)), hard(byte(3));
        switch (byte(0) % 4) {
            case 0: {
                const TermGrant grant{byte(1), byte(4), byte(4), {soft, soft}, {hard, hard}};
                (*page)->publish(grant);
                const TermGrant now = (*page)->grant();
                if (now.term == last.term) {
                    require(now.hard.boot >= last.hard.boot && now.soft.boot >= last.soft.boot,
                            "deadlines of a term never move back");
                }
                last = now;
                break;
            }
            case 1: {
                const Term before = (*page)->closed_through();
                (*page)->close_through(byte(1));
                require((*page)->closed_through() >= before, "what is closed stays closed");
                break;
            }
            case 2: {
                (*page)->set_standby_populated(byte(1) != 0);
                require((*page)->standby_populated() == (byte(1) != 0), "a truth is one");
                break;
            }
            default: (*page)->set_populated(byte(1) != 0); break;
        }
    }
}

}  // namespace
}  // namespace leasehold::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace leasehold::fuzz;
    const auto [kind, text] = input_of(data, size, 4);
    if (kind == 0) check_packet(text);
    if (kind == 1) check_launch(text);
    if (kind == 2) check_arguments(text);
    if (kind == 3) check_page(text);
    return 0;
}
