// SPDX-License-Identifier: Apache-2.0
#include "output/sink.h"

#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

#include <sys/epoll.h>

#include "base/log.h"

namespace leasehold::output {

Result<std::unique_ptr<Sink>> Sink::create(EventLoop& loop, int fd, supervisor::OutputStream name,
                                           supervisor::OutputPage& page, std::function<void()> drained) {
    std::unique_ptr<Sink> made(new Sink(loop, fd, name, page));
    auto again = Timer::create(loop, [sink = made.get()] { sink->write_all(); });
    if (!again) return tl::unexpected<Error>(again.error());
    made->again_ = std::move(*again);
    made->drained_ = std::move(drained);
    if (!made->at_line_start_) made->queue_.push_back('\n');
    return made;
}

// As much as may be written at once.
std::string_view Sink::next_piece() const {
    const std::string_view waits = std::string_view(queue_).substr(done_);
    if (target_.is_file() || waits.size() <= PIPE_BUF) return waits;
    const std::size_t end = waits.rfind('\n', PIPE_BUF - 1);
    return waits.substr(0, end == std::string_view::npos ? PIPE_BUF : end + 1);
}

// False when nothing was taken; errno says why.
bool Sink::write_piece() {
    const std::string_view piece = next_piece();
    page_.set_within_line(name_, true);
    const ssize_t taken = target_.write(piece);
    const int problem = errno;
    const std::size_t count = taken > 0 ? static_cast<std::size_t>(taken) : 0;
    if (count > 0) at_line_start_ = piece[count - 1] == '\n';
    page_.set_within_line(name_, !at_line_start_);
    done_ += count;
    written_ += count;
    errno = taken < 0 ? problem : EAGAIN;
    return taken > 0;
}

void Sink::flush() {
    if (!troubled_ && !listening_) write_all();
}

void Sink::write_all() {
    while (waiting() > 0 && !gone_) {
        if (!write_piece()) {
            const int problem = errno;
            return problem == EAGAIN ? wait_until_ready() : have_trouble(problem);
        }
        pause_.reset();
        if (std::exchange(troubled_, false)) {
            log::info("the workload's output is written to {} again", name_of(name_));
        }
    }
    if (listening_) loop_.unwatch(target_.poll_fd());
    listening_ = false;
    queue_.clear();
    done_ = 0;
    drained_();
}

void Sink::wait_until_ready() {
    if (done_ > queue_.size() / 2) queue_.erase(0, std::exchange(done_, 0));
    if (listening_) return;
    const auto watched = loop_.watch(target_.poll_fd(), EPOLLOUT, [this](std::uint32_t) { write_all(); });
    listening_ = watched.has_value();
    if (!listening_) again_->arm_in(pause_.next());  // not a thing that can be waited for
}

void Sink::have_trouble(int problem) {
    const std::string reason = std::generic_category().message(problem);
    if (problem == EPIPE || problem == ECONNRESET) {
        gone_ = true;
        log::error("nobody reads {} any more: what the workload writes there is thrown away from now on",
                   name_of(name_));
        return write_all();
    }
    if (!std::exchange(troubled_, true)) {
        log::error("the workload's output cannot be written to {}: {}; trying again all the time", name_of(name_),
                   reason);
    }
    if (listening_) loop_.unwatch(target_.poll_fd());
    listening_ = false;
    again_->arm_in(pause_.next());
}

}  // namespace leasehold::output
