// SPDX-License-Identifier: Apache-2.0
//
// Faults that a file on a disk can have.
#include <filesystem>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include "tests/faults/lock_holder.h"
#include "tests/faults/surroundings.h"
#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

using harness::eventually;
using harness::read_file;
using harness::write_file;

const std::string kStore = "the store, a file";
const std::string kNothing = "the same process runs on";

Row row(const std::string& fault, const std::string& expected, std::function<void(Trial&)> play) {
    return {.subject = kStore, .fault = fault, .expected = expected, .play = std::move(play), .containments = {}};
}

// The leader writes again what was damaged.
Row damaged(const std::string& fault, std::function<void(const std::string&)> damage) {
    return row(fault, kNothing, [damage = std::move(damage)](Trial& trial) {
        damage(trial.lease());
        trial.expect_same_for(trial.leases(2));
        if (!nlohmann::json::parse(read_file(trial.lease()), nullptr, false).is_object()) {
            throw Failed{"the record was not repaired"};
        }
    });
}

// As an editor writes: a new file in place of the old one.
void replace(const std::string& path, const std::string& text) {
    write_file(path + ".new", text);
    std::filesystem::rename(path + ".new", path);
}

Row new_folder() {
    return row("folder moved away, an empty one in its place", "no overlap", [](Trial& trial) {
        const std::string folder = trial.folder().path("store");
        std::filesystem::rename(folder, folder + ".gone");
        std::filesystem::create_directory(folder);
        Trial::pass(trial.leases(4));
    });
}

Row lock_held(const std::string& fault, milliseconds length, bool longer) {
    return row(fault, longer ? "tree gone in time, then a successor" : kNothing, [length, longer](Trial& trial) {
        {
            const LockHolder held(trial.lease());
            Trial::pass(length);
            if (longer && trial.still_stamping()) throw Failed{"the workload outlives its lease"};
        }
        if (longer) {
            trial.expect_successor();
        } else {
            trial.expect_same_for(trial.leases(1));
        }
    });
}

Row on_small_disk(const std::string& fault, std::function<void(const std::string&)> break_it,
                  std::function<void(const std::string&)> repair_it) {
    Row made = row(fault, "tree gone in time; led again when repaired",
                   [break_it = std::move(break_it), repair_it = std::move(repair_it)](Trial& trial) {
                       const std::string folder = trial.folder().path("store");
                       break_it(folder);
                       Trial::pass(trial.leases(2));
                       if (trial.still_stamping()) throw Failed{"the workload outlives its lease"};
                       repair_it(folder);
                       trial.expect_successor();
                   });
    made.setup.own_mounts = true;
    return made;
}

void fill(const std::string& folder) {
    const std::string filler = folder + "/filler";
    eventually([&] {  // until not even one more byte fits
        const std::string block(4096, 'x');
        const int fd = open(filler.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        bool full = fd < 0;
        while (!full) full = write(fd, block.data(), block.size()) <= 0;
        if (fd >= 0) close(fd);
        return full;
    });
}

}  // namespace

std::vector<Row> rows_of_the_file() {
    std::vector<Row> rows{
        damaged("record emptied in place", [](const std::string& lease) { write_file(lease, ""); }),
        damaged("record replaced by 10 MB",
                [](const std::string& lease) { replace(lease, std::string(10'000'000, '[')); }),
        damaged("lock file deleted", [](const std::string& lease) { unlink((lease + ".lock").c_str()); }),
        damaged("lock file emptied", [](const std::string& lease) { write_file(lease + ".lock", ""); }),
        damaged("record and lock file deleted",
                [](const std::string& lease) {
                    unlink((lease + ".lock").c_str());
                    unlink(lease.c_str());
                }),
        new_folder(),
        lock_held("lock held by somebody for 300 ms", milliseconds(300), false),
        lock_held("lock held by somebody for 3 s", milliseconds(3000), true),
        on_small_disk("disk full", fill, [](const std::string& folder) { unlink((folder + "/filler").c_str()); }),
        on_small_disk(
            "disk read-only", [](const std::string& folder) { remount(folder, true); },
            [](const std::string& folder) { remount(folder, false); }),
    };
    for (Row& made : rows) made.stores = Stores::file;
    return rows;
}

}  // namespace leasehold::faults
