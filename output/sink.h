// SPDX-License-Identifier: Apache-2.0
//
// Where captured lines go: leasehold's own standard output or error. It belongs to others as well, its reader may be
// slow, hang or go away, its disk may be full. What is not taken at once waits here.
//
// Lines are not torn by what others write there at the same time: into a pipe no more than PIPE_BUF bytes go at once,
// whole lines while they are shorter than that (pipe(7)).
//
//   full disk, or another error    it is tried again, with pauses up to 5 s; said once, and again when it works
//   nobody reads any more (EPIPE)  said once; everything from then on is thrown away
//
// Threads: the loop's only. Nothing blocks, but for a write to a file on a disk that hangs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/growing_pause.h"
#include "base/shared_stream.h"
#include "supervisor/output_page.h"

namespace leasehold::output {

class Sink {
public:
    // `drained`: all that waited is written. `page` remembers, for the next helper, whether a line was being written;
    // if the one before died there, the first thing written is a newline.
    static Result<std::unique_ptr<Sink>> create(EventLoop& loop, int fd, supervisor::OutputStream name,
                                                supervisor::OutputPage& page, std::function<void()> drained);

    // Whole lines are appended here; then flush().
    std::string& queue() { return queue_; }
    void flush();  // writes what is taken now; does nothing while it is being waited for

    std::size_t waiting() const { return queue_.size() - done_; }
    std::uint64_t written() const { return written_; }  // bytes, ever
    bool is_gone() const { return gone_; }              // nobody reads

private:
    Sink(EventLoop& loop, int fd, supervisor::OutputStream name, supervisor::OutputPage& page)
        : loop_(loop), target_(fd), name_(name), page_(page), at_line_start_(!page.within_line(name)) {}
    void write_all();
    std::string_view next_piece() const;
    bool write_piece();
    void have_trouble(int problem);
    void wait_until_ready();

    EventLoop& loop_;
    SharedStream target_;
    const supervisor::OutputStream name_;
    supervisor::OutputPage& page_;
    bool at_line_start_;
    std::function<void()> drained_;
    std::unique_ptr<Timer> again_;
    GrowingPause pause_{std::chrono::milliseconds(50), std::chrono::seconds(5)};
    std::string queue_;
    std::size_t done_ = 0;  // bytes of the queue
    std::uint64_t written_ = 0;
    bool listening_ = false;  // for when it takes something again
    bool troubled_ = false;
    bool gone_ = false;
};

}  // namespace leasehold::output
