// SPDX-License-Identifier: Apache-2.0
#include "output/collector.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace leasehold::output {
namespace {

constexpr int kFailed = 125;
constexpr std::size_t kReadAtOnce = 64 * 1024;
constexpr Duration kPatience = std::chrono::seconds(5);

bool are_the_same(int one, int other) {
    struct stat a {
    }, b{};
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Result<void> make_non_blocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return system_failure("fcntl on a pipe");
    return {};
}

}  // namespace

Collector::Collector(supervisor::OutputLaunch launch)
    : launch_(std::move(launch)),
      format_(launch_.spec.workload.output, launch_.spec.election),
      guardian_(launch_.guardian_fd),
      tree_ended_(launch_.ended_fd),
      sources_{Source{supervisor::OutputStream::output, UniqueFd(launch_.output_fd),
                      [this](std::string_view line, bool goes_on) { take(sources_[0], line, goes_on); }},
               Source{supervisor::OutputStream::errors, UniqueFd(launch_.errors_fd),
                      [this](std::string_view line, bool goes_on) { take(sources_[1], line, goes_on); }}},
      buffer_(kReadAtOnce) {}

Result<std::unique_ptr<Collector>> Collector::create(supervisor::OutputLaunch launch, int output, int errors) {
    std::unique_ptr<Collector> made(new Collector(std::move(launch)));
    if (auto ready = made->prepare(output, errors); !ready) return tl::unexpected<Error>(ready.error());
    return made;
}

Result<void> Collector::prepare(int output, int errors) {
    auto page = supervisor::OutputPage::open(launch_.page_fd);
    if (!page) return tl::unexpected<Error>(page.error());
    page_ = std::move(*page);
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected<Error>(loop.error());
    loop_ = std::move(*loop);
    auto patience = Timer::create(*loop_, [this] { look_at_progress(); });
    if (!patience) return tl::unexpected<Error>(patience.error());
    patience_ = std::move(*patience);
    if (auto made = make_sinks(output, errors); !made) return made;
    for (Source& source : sources_) {
        if (auto done = make_non_blocking(source.pipe.get()); !done) return done;
    }
    auto watched = loop_->watch(guardian_.get(), EPOLLIN, [this](std::uint32_t) { on_guardian_gone(); });
    if (!watched) return watched;
    return loop_->watch(tree_ended_.get(), EPOLLIN, [this](std::uint32_t) { on_tree_ended(); });
}

Result<void> Collector::make_sinks(int output, int errors) {
    const bool shared = are_the_same(output, errors);
    for (Source& source : sources_) {
        const bool first = sinks_.empty();
        if (first || !shared) {
            const std::size_t index = sinks_.size();
            auto sink = Sink::create(*loop_, first ? output : errors, source.stream, *page_, [this, index] {
                if (index < sinks_.size()) on_drained(sinks_[index].get());
            });
            if (!sink) return tl::unexpected<Error>(sink.error());
            sinks_.push_back(std::move(*sink));
        }
        source.sink = sinks_.back().get();
    }
    return {};
}

bool Collector::blocks() const { return launch_.spec.workload.output.overflow == supervisor::OutputOverflow::block; }

int Collector::run() {
    for (const auto& sink : sinks_) sink->flush();  // what the helper before left unfinished
    for (Source& source : sources_) read_or_not(source);
    if (gave_up_) return kFailed;
    if (auto done = loop_->run(); !done) {
        log::error("{}; the helper for the workload's output ends", done.error().message);
        return kFailed;
    }
    return gave_up_ ? kFailed : 0;
}

// ---- reading ------------------------------------------------------------------------------------------------------

void Collector::serve(Source& source) {
    ssize_t count = -1;
    do {
        count = read(source.pipe.get(), buffer_.data(), buffer_.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) log::error("a pipe of the workload cannot be read: {}", std::generic_category().message(errno));
    format_.set_time(timestamp(wall_now()));
    if (count > 0) {
        source.counted.bytes += static_cast<std::uint64_t>(count);
        feed(source, {buffer_.data(), static_cast<std::size_t>(count)});
    } else {
        close(source);
    }
    write_out(source);
    settle();
}

// What a workload wrote last is a line even if it lacks the newline, and not the beginning of its successor's first.
void Collector::feed(Source& source, std::string_view bytes) {
    if (source.ends_in) {
        const std::size_t last = std::min(*source.ends_in, bytes.size());
        source.splitter.feed(bytes.substr(0, last));
        bytes.remove_prefix(last);
        *source.ends_in -= last;
        if (*source.ends_in > 0) return;
        source.splitter.finish();
        source.ends_in.reset();
        const bool both = std::none_of(sources_.begin(), sources_.end(), [](const Source& s) { return s.ends_in; });
        if (both) page_->workload_ended();
    }
    source.splitter.feed(bytes);
}

void Collector::close(Source& source) {
    if (source.reading) loop_->unwatch(source.pipe.get());
    source.reading = false;
    source.splitter.finish();
    source.ends_in.reset();
    source.pipe.reset();
}

void Collector::on_tree_ended() {
    eventfd_t ignored = 0;
    eventfd_read(tree_ended_.get(), &ignored);
    format_.set_time(timestamp(wall_now()));
    for (Source& source : sources_) {
        int waiting = 0;
        if (source.pipe && ioctl(source.pipe.get(), FIONREAD, &waiting) == 0) {
            source.ends_in = static_cast<std::size_t>(waiting);
        }
    }
    for (Source& source : sources_) {
        feed(source, {});
        write_out(source);
    }
    settle();
}

// ---- lines --------------------------------------------------------------------------------------------------------

void Collector::take(Source& source, std::string_view line, bool goes_on) {
    page_->keep(line);
    const bool dropped = drops(source);
    ++source.counted.lines;
    if (dropped) {
        ++source.counted.dropped_lines;
        ++source.dropped;
        return;
    }
    tell_dropped(source);
    format_.line(source.sink->queue(), source.stream, line, goes_on);
}

bool Collector::drops(Source& source) const {
    if (source.sink->is_gone()) return true;
    if (blocks()) return false;
    const auto most = static_cast<std::size_t>(launch_.spec.workload.output.buffer);
    return source.sink->waiting() >= (source.dropped > 0 ? most / 2 : most);
}

void Collector::tell_dropped(Source& source) {
    const std::uint64_t dropped = std::exchange(source.dropped, 0);
    if (dropped > 0) format_.dropped(source.sink->queue(), source.stream, dropped);
}

void Collector::write_out(Source& source) {
    page_->count(source.stream, std::exchange(source.counted, {}));
    source.sink->flush();
}

// ---- what is written ----------------------------------------------------------------------------------------------

void Collector::on_drained(const Sink* sink) {
    for (Source& source : sources_) {
        if (source.sink != sink || sink->is_gone() || source.dropped == 0) continue;
        format_.set_time(timestamp(wall_now()));
        tell_dropped(source);
        source.sink->flush();
    }
    settle();
}

void Collector::settle() {
    bool all_done = true;
    for (Source& source : sources_) {
        read_or_not(source);
        all_done = all_done && !source.pipe && source.sink->waiting() == 0;
    }
    if (all_done) loop_->stop();
}

// While the sink is full, a blocked source must not be watched: its end would be reported all the time.
void Collector::read_or_not(Source& source) {
    const bool wanted = source.pipe && (!blocks() || source.sink->waiting() == 0);
    if (wanted == source.reading) return;
    if (!wanted) {
        loop_->unwatch(source.pipe.get());
        source.reading = false;
        return;
    }
    auto watched = loop_->watch(source.pipe.get(), EPOLLIN, [this, &source](std::uint32_t) { serve(source); });
    source.reading = watched.has_value();
    if (watched) return;
    log::error("a pipe of the workload cannot be watched: {}", watched.error().message);
    gave_up_ = true;  // and the next helper tries again
    loop_->stop();
}

// ---- the end ------------------------------------------------------------------------------------------------------

void Collector::on_guardian_gone() {
    loop_->unwatch(guardian_.get());
    patience_->arm_in(kPatience);
}

void Collector::look_at_progress() {
    std::uint64_t written = 0;
    bool waits = false;
    for (const auto& sink : sinks_) {
        written += sink->written();
        waits = waits || sink->waiting() > 0;
    }
    if (waits && written == written_before_) {
        log::error("the guardian is gone, and nobody takes what the workload has written last; it is lost");
        gave_up_ = true;
        return loop_->stop();
    }
    written_before_ = written;
    patience_->arm_in(kPatience);
}

int output_main(const std::vector<std::string>& arguments) {
    prctl(PR_SET_NAME, "lease-output");
    // Whatever is sent to all of leasehold is not meant for it. SIGXFSZ: a file at its limit is a full disk.
    for (const int signal :
         {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ}) {
        std::signal(signal, SIG_IGN);
    }
    auto launch = supervisor::parse_output_arguments(arguments);
    if (!launch) {
        log::error("{}", launch.error().message);
        return kFailed;
    }
    log::init(launch->spec.logging, "output");
    auto collector = Collector::create(std::move(*launch), STDOUT_FILENO, STDERR_FILENO);
    if (!collector) {
        log::error("{}", collector.error().message);
        return kFailed;
    }
    return (*collector)->run();
}

}  // namespace leasehold::output
