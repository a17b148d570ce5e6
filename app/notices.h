// SPDX-License-Identifier: Apache-2.0
//
// What the workload says of itself, in the protocol of sd_notify(3): datagrams of lines like READY=1, on a socket whose
// name stands in its NOTIFY_SOCKET. The socket is made before the guardian begins and handed to every agent, so that
// what is said while there is none waits in the kernel.
//
// Its name is abstract (unix(7)): that needs no folder that can be written to, and no rights in one. So it is not to be
// reached from another network namespace. Everybody in ours may write to it, but only the workload's tree is listened
// to: the kernel says who has sent, in our numbers (SCM_CREDENTIALS), and /proc whose child that is. Who is gone before
// that was looked at, is nobody.
//
// Threads: the loop's. Never blocks, and reads so much at once and no more, whoever floods the socket.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"

namespace leasehold::app {

struct Notice {
    static constexpr std::size_t kMostStatus = 200;  // bytes of it; what is more is cut off

    bool ready = false;
    bool stopping = false;
    bool main_pid = false;              // it wants another process to be the main one, which is not for it to say
    std::optional<std::string> status;  // on one line, well-formed UTF-8
};

// What is understood of a datagram; the rest has no meaning here.
Notice notice_in(std::string_view datagram);

struct NoticeSocket {
    UniqueFd fd;       // bound, close-on-exec, non-blocking
    std::string name;  // as NOTIFY_SOCKET has it: "@leasehold/..."
};
Result<NoticeSocket> open_notice_socket();

// Whether `process` is `ancestor`, or one of its descendants.
bool descends_from(pid_t process, pid_t ancestor);

class NoticeReader {
public:
    struct Hooks {
        std::function<void(const Notice&)> heard;
        std::function<void(const std::string& what)> ignored;  // "what process 17 says, which is ..."
    };

    // The loop outlives it.
    NoticeReader(EventLoop& loop, UniqueFd socket, Hooks hooks);
    ~NoticeReader();

    // To this process and to what descends from its parent, whatever they have said since they began: what puts itself
    // into the background falls to that parent, which else has children of leasehold's making only. Other notices are
    // ignored.
    Result<void> listen_to(pid_t workload);

    // The workload is no more: what is still unread is nobody's.
    void stop();

    // Reads what is there. A notice is taken from the kernel only after it was heard, so that none is lost with us.
    void read();

private:
    bool read_one();
    void judge(pid_t sender, std::string_view datagram, bool cut_off);

    EventLoop& loop_;
    UniqueFd socket_;
    Hooks hooks_;
    pid_t ancestor_ = 0;  // of all who are listened to; 0: there are none
};

}  // namespace leasehold::app
