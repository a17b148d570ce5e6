// SPDX-License-Identifier: Apache-2.0
#include "scenario.h"

#include <sstream>
#include <stdexcept>
#include <vector>

#include "base/duration_text.h"
#include "scenario_words.h"

namespace leasehold::election {
namespace {

constexpr const char* kAnswer = "  > ";
// The two clocks begin at different readings, so that mixing them up shows.
constexpr Instant kOrigin{std::chrono::seconds(5000), std::chrono::seconds(3000)};
constexpr Duration kLongestWait = std::chrono::minutes(10);

class RealElection : public Machine {
public:
    RealElection(const Settings& settings, const Past& past, Instant now) : election_(settings, past, now) {}
    Step step(Instant now, const Event& event) override { return election_.step(now, event); }
    Role role() const override { return election_.role(); }
    std::optional<Duration> free_in(Instant now) const override { return election_.free_in(now); }

private:
    Election election_;
};

class Player {
public:
    explicit Player(const MachineFactory& make) : make_(make) {
        settings_.identity = "me";
        settings_.incarnation = "i1";
    }

    // What the machine answers to one input line.
    std::vector<std::string> play(const std::string& line) {
        said_.clear();
        Words words(line);
        if (words.peek("candidate")) {
            candidate(words);
        } else if (words.peek("resumed")) {
            resumed(words);
        } else {
            if (!machine_) machine_ = make_(settings_, past_, now_);
            input(words);
            if (said_.empty()) said_.emplace_back("nothing");
        }
        words.done();
        return said_;
    }

private:
    // candidate lease=15s deadline=10s retry=2s
    void candidate(Words& words) {
        words.next();
        Timing& timing = settings_.timing;
        timing.lease_duration = words.duration("lease", timing.lease_duration);
        timing.renew_deadline = words.duration("deadline", timing.renew_deadline);
        timing.retry_period = words.duration("retry", timing.retry_period);
        settings_.seed = words.number("seed", 1);
        if (machine_) throw std::runtime_error("the candidate comes before the first event");
    }

    // resumed agent=2 term=3 token=40 transitions=5 soft=6s hard=10.6s version=44 lease=20s [stopping]
    void resumed(Words& words) {
        words.next();
        if (machine_) throw std::runtime_error("the past comes before the first event");
        settings_.agent = words.number("agent", 2);
        past_.last_version = words.number("version", 0);
        past_.last_term = term_ = words.number("term", 0);
        const std::uint64_t token = words.number("token", 0);
        if (token == 0) return;
        Past::Running running;
        running.grant = {past_.last_term, token, words.number("transitions", 0), kOrigin + words.duration("soft", {}),
                         kOrigin + words.duration("hard", {})};
        running.lease_duration = words.duration("lease", {});
        running.stopping = words.flag("stopping");
        past_.running = running;
    }

    // [at 2s | after 2s | freeze 20s | clock boot+2s raw+1s] [event]
    void input(Words& words) {
        bool moved = true;
        if (words.peek("at")) {
            words.next();
            pass_until(kOrigin.boot + parse_duration(words.need("a time")));
        } else if (words.peek("after")) {
            words.next();
            pass_until(now_.boot + parse_duration(words.need("a duration")));
        } else if (words.peek("clock")) {
            words.next();
            clocks(words);
        } else if (words.peek("freeze")) {
            words.next();
            const Duration length = parse_duration(words.need("a duration"));
            now_ = now_ + length;
            frozen_ = true;
        } else {
            moved = false;
        }
        const auto event = words.next();
        if (!event && !moved) throw std::runtime_error("an input is missing");
        if (event) {
            happen(*event, words);
        } else {
            step(Tick{});
        }
    }

    void happen(const std::string& event, Words& words) {
        if (event == "start" || event == "tick") {
            step(Tick{});
        } else if (event == "read") {
            read_done(words);
        } else if (event == "write") {
            write_done(words);
        } else if (event == "watch") {
            watch(words);
        } else if (event == "empty") {
            step(TreeEmpty{words.number("term", term_)});
        } else if (event == "stop") {
            step(StopRequested{});
        } else if (event == "resign") {
            step(ResignRequested{words.text("to")});
        } else if (event == "able" || event == "unable") {
            step(Candidacy{event == "able"});
        } else if (event == "wait") {
            wait();
        } else if (event == "wake?") {
            said_.push_back("in " + to_rounded_text(wake_));
        } else if (event == "free?") {
            const auto free = machine_->free_in(now_);
            said_.push_back(free ? "in " + to_rounded_text(*free) : "not by itself");
        } else {
            throw std::runtime_error("no such event: " + event);
        }
    }

    void read_done(Words& words) {
        arrow(words);
        if (!read_) throw std::runtime_error("there is no read to answer");
        in_time(read_sent_, read_timeout_);
        ReadDone done{*read_, read_sent_, {}};
        read_.reset();
        if (words.flag("failed")) {
            done.outcome.reason = words.need("a reason");
            done.outcome.detail = "no";
            done.outcome.retry_after = words.duration("retry_after", Duration::zero());
        } else {
            done.outcome.status = ReadStatus::ok;
            done.outcome.snapshot = parse_snapshot(words, settings_);
        }
        step(done);
    }

    void write_done(Words& words) {
        arrow(words);
        if (!write_) throw std::runtime_error("there is no write to answer");
        in_time(write_sent_, write_timeout_);
        WriteDone done{*write_, write_sent_, {}};
        write_.reset();
        const std::string status = words.need("applied, conflict, failed or unknown");
        if (status == "applied") {
            done.outcome.status = WriteStatus::applied;
            done.outcome.version = {words.number("version", 0), words.text("tag")};
        } else if (status == "conflict") {
            done.outcome.status = WriteStatus::conflict;
        } else if (status == "failed" || status == "unknown") {
            done.outcome.status = status == "failed" ? WriteStatus::failed : WriteStatus::unknown;
            done.outcome.reason = words.next().value_or("timeout");
            done.outcome.detail = "no";
            done.outcome.retry_after = words.duration("retry_after", Duration::zero());
        } else {
            throw std::runtime_error("not an outcome of a write: " + status);
        }
        step(done);
    }

    void watch(Words& words) {
        if (words.flag("broken")) {
            step(WatchBroken{"closed"});
        } else {
            step(WatchSeen{parse_snapshot(words, settings_)});
        }
    }

    // Whoever performs the commands keeps to their timeouts, as long as it runs at all.
    void in_time(Instant sent, Duration timeout) const {
        if (!frozen_ && now_.boot - sent.boot > timeout) throw std::runtime_error("the answer comes after its timeout");
    }

    static void arrow(Words& words) {
        if (words.need("->") != "->") throw std::runtime_error("an answer is written: read -> ...");
    }

    // Moves each clock by itself, as a suspended machine or a slewing time daemon does.
    void clocks(Words& words) {
        frozen_ = true;
        for (const bool boot : {true, false}) {
            const std::string word = words.need("boot+2s raw+2s");
            const std::string name = boot ? "boot+" : "raw+";
            if (!word.starts_with(name)) throw std::runtime_error("expected " + name + "..., not " + word);
            (boot ? now_.boot : now_.raw) += parse_duration(word.substr(name.size()));
        }
    }

    // Lets time pass as the caller of the machine would, with every wake-up that is owed; none may do anything.
    void pass_until(Duration target) {
        if (target < now_.boot) throw std::runtime_error("time does not go back");
        while (started_ && now_.boot + wake_ < target) {
            now_ = now_ + wake_;
            step(Tick{});
            if (!said_.empty()) {
                throw std::runtime_error("before that, at " + told(now_, kOrigin) + ": " + said_.front());
            }
        }
        now_ = now_ + (target - now_.boot);
    }

    // Lets time pass until the machine does something.
    void wait() {
        const Instant end = now_ + kLongestWait;
        while (now_.boot < end.boot) {
            now_ = now_ + wake_;
            step(Tick{});
            if (said_.empty()) continue;
            said_.insert(said_.begin(), "at " + told(now_, kOrigin));
            if (read_) in_time(read_sent_, read_timeout_);
            if (write_) in_time(write_sent_, write_timeout_);
            return;
        }
    }

    // One step, and those that are owed at the same instant.
    void step(const Event& event) {
        started_ = true;
        Event next = event;
        for (int i = 0; i < 3; ++i) {
            const Role before = machine_->role();
            const Step done = machine_->step(now_, next);
            for (const Command& command : done.commands) perform(command);
            if (machine_->role() != before) said_.push_back(std::string("role ") + name_of(machine_->role()));
            wake_ = done.wake;
            if (wake_ < Duration::zero()) throw std::runtime_error("the next wake-up is in the past");
            if (wake_ > Duration::zero()) return;
            next = Tick{};
        }
        throw std::runtime_error("spins: a wake-up is owed again and again at the same instant");
    }

    void perform(const Command& command) {
        said_.push_back(told(command, settings_, kOrigin));
        if (const auto* read = std::get_if<DoRead>(&command)) {
            read_ = read->id;
            read_sent_ = now_;
            read_timeout_ = read->timeout;
            frozen_ = false;
        } else if (const auto* write = std::get_if<DoWrite>(&command)) {
            if (write_) throw std::runtime_error("a second write while one is under way");
            write_ = write->id;
            write_sent_ = now_;
            write_timeout_ = write->timeout;
            frozen_ = false;
        } else if (const auto* grant = std::get_if<Grant>(&command)) {
            term_ = grant->term;
        }
    }

    const MachineFactory& make_;
    Settings settings_;
    Past past_;
    std::unique_ptr<Machine> machine_;
    Instant now_ = kOrigin;
    bool started_ = false;
    bool frozen_ = false;  // since the last request
    Duration wake_{};
    std::optional<RequestId> read_;
    std::optional<RequestId> write_;
    Instant read_sent_;
    Duration read_timeout_{};
    Instant write_sent_;
    Duration write_timeout_{};
    Term term_ = 0;  // granted last
    std::vector<std::string> said_;
};

}  // namespace

std::unique_ptr<Machine> make_election(const Settings& settings, const Past& past, Instant now) {
    return std::make_unique<RealElection>(settings, past, now);
}

std::string replay(const std::string& story, const MachineFactory& make) {
    Player player(make);
    std::istringstream in(story);
    std::string out;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line.starts_with(kAnswer)) continue;
        out += line + '\n';
        if (line.empty() || line.starts_with('#')) continue;
        try {
            for (const std::string& answer : player.play(line)) out += kAnswer + answer + '\n';
        } catch (const std::exception& error) {
            throw std::runtime_error("line " + std::to_string(number) + " (" + line + "): " + error.what() +
                                     "\nup to there:\n" + out);
        }
    }
    return out;
}

}  // namespace leasehold::election
