// SPDX-License-Identifier: Apache-2.0
//
// The helper process that captures the workload's output (supervisor/output_helper.h starts it): reads two pipes, makes
// lines of what is in there, and writes them to leasehold's own standard output and error. Called lease-output in the
// process list. It takes part in nothing else; whoever kills or stops it delays output and nothing more.
//
// When nobody takes the lines:
//
//   block   no more is read before all that was read is written. Then the pipe fills up, and the workload waits, as it
//           would for the same reader without leasehold. A helper that is killed loses at most what it has read: for
//           each stream 64 KiB, and the beginning of a line.
//   drop    reading goes on. When `buffer` bytes wait, lines are dropped, whole and counted, until half of that is
//           written; then a line says how many they were.
//
// Two streams that go to the same file share one sink, so that they do not tear each other's lines. Ends, with status
// 0, when everybody has closed the other ends of the pipes and all is written. When the guardian is gone, a reader that
// takes nothing for 5 s is not waited for.
//
// Threads: one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "output/line_format.h"
#include "output/lines.h"
#include "output/sink.h"
#include "supervisor/launch.h"
#include "supervisor/output_page.h"

namespace leasehold::output {

class Collector {
public:
    // Takes the descriptors over; they are not blocking from here on. `output` and `errors` are leasehold's own.
    static Result<std::unique_ptr<Collector>> create(supervisor::OutputLaunch launch, int output, int errors);

    // Returns the exit status.
    int run();

private:
    struct Source {
        Source(supervisor::OutputStream its_stream, UniqueFd its_pipe, LineSplitter::Take take)
            : stream(its_stream), pipe(std::move(its_pipe)), splitter(std::move(take)) {}

        supervisor::OutputStream stream;
        UniqueFd pipe;  // closed at its end
        LineSplitter splitter;
        Sink* sink = nullptr;
        std::optional<std::size_t> ends_in;  // so many bytes on, a workload has ended
        std::uint64_t dropped = 0;           // and not told yet
        supervisor::OutputCounts counted;    // and not in the page yet
        bool reading = false;
    };

    explicit Collector(supervisor::OutputLaunch launch);
    Result<void> prepare(int output, int errors);
    Result<void> make_sinks(int output, int errors);
    bool blocks() const;

    void serve(Source& source);
    void feed(Source& source, std::string_view bytes);
    void close(Source& source);
    void take(Source& source, std::string_view line, bool goes_on);
    bool drops(Source& source) const;
    void tell_dropped(Source& source);
    void write_out(Source& source);
    void on_drained(const Sink* sink);
    void settle();
    void read_or_not(Source& source);
    void on_tree_ended();
    void on_guardian_gone();
    void look_at_progress();

    supervisor::OutputLaunch launch_;
    LineFormat format_;
    UniqueFd guardian_;
    UniqueFd tree_ended_;
    std::unique_ptr<supervisor::OutputPage> page_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<Timer> patience_;
    std::vector<std::unique_ptr<Sink>> sinks_;  // one, or one for each source
    std::array<Source, 2> sources_;
    std::vector<char> buffer_;
    std::uint64_t written_before_ = 0;
    bool gave_up_ = false;
};

// The main function of the role.
int output_main(const std::vector<std::string>& arguments);

}  // namespace leasehold::output
