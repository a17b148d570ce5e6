# SPDX-License-Identifier: Apache-2.0
"""Checks who includes whom, which library is used where, and that only one file reads a clock.

    layers.py ROOT
"""

import os
import re

import source_text

# What a room may include of this project besides itself: folders, or single files. None: everything.
MAY_INCLUDE = {
    "base": (),
    "election/core": ("base/time.h", "base/result.h", "base/duration_text.h"),
    "election/stores": ("base/", "election/core/record.h", "election/core/register.h"),
    "supervisor": ("base/",),
    "output": ("base/", "supervisor/launch.h", "supervisor/output_options.h", "supervisor/output_page.h"),
    "metrics": ("base/",),
    "config": (
        "base/",
        "election/core/timing.h",
        "election/stores/consul/options.h",
        "election/stores/etcd/options.h",
        "election/stores/file_options.h",
        "election/stores/kubernetes/options.h",
        "election/stores/zookeeper/options.h",
        "metrics/options.h",
        "supervisor/options.h",
    ),
    "app": None,
}

# The pure state machine gets nothing of the standard library by which it could do more than compute.
CORE_MAY_USE = set(
    "algorithm array charconv chrono compare cstddef cstdint deque functional initializer_list limits map memory "
    "numeric optional set span string string_view tuple type_traits unordered_map utility variant vector".split()
)

# Libraries and system parts that belong to some rooms only: what an include begins with, and the rooms.
BELONGS_TO = {
    "prometheus/": {"metrics"},
    "microhttpd.h": {"metrics"},
    "zlib.h": {"metrics"},
    "yaml-cpp/": {"config", "election/stores"},
    "CLI/": {"app"},
    "nlohmann/": {"app", "config", "election/stores", "metrics"},
    "curl/": {"election/stores"},
    "zookeeper/": {"election/stores"},
    "netdb.h": {"metrics", "election/stores"},
    "netinet/": {"app", "metrics", "election/stores"},
    "arpa/": {"app", "metrics", "election/stores"},
    "mutex": {"election/stores"},
    "condition_variable": {"election/stores"},
    "future": {"election/stores"},
    "thread": {"election/stores"},
}

CLOCK_FILE = "base/clock.cpp"
READS_A_CLOCK = re.compile(
    r"_clock\s*::\s*now\b|\b(?:clock_gettime|gettimeofday|timespec_get|ftime)\s*\("
    r"|\b(?:time\s*\(\s*(?:nullptr|NULL|0|&)|clock\s*\(\s*\))"
)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def _allowed(room, include):
    allowed = MAY_INCLUDE[room]
    if allowed is None or include.startswith(room + "/"):
        return True
    return any(include == part or (part.endswith("/") and include.startswith(part)) for part in allowed)


def _include_problem(root, room, quote, include):
    if quote == '"':
        if not os.path.isfile(os.path.join(root, include)):
            return f'"{include}" is no file of the project (paths count from its top)'
        if not _allowed(room, include):
            return f'{room} may not include "{include}"'
        return None
    if room == "election/core" and include not in CORE_MAY_USE:
        return f"election/core is pure and may not use <{include}>"
    for start, owners in BELONGS_TO.items():
        matches = include.startswith(start) if start.endswith("/") else include == start
        if matches and room not in owners:
            return f"<{include}> belongs to {', '.join(sorted(owners))}, not to {room}"
    return None


def _check_file(root, room, path):
    text = source_text.read(root, path)
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := INCLUDE.match(line):
            if problem := _include_problem(root, room, *match.groups()):
                problems.append(f"{path}:{number}: {problem}")
    if path == CLOCK_FILE:
        return problems
    for number, line in enumerate(source_text.code_only(text).splitlines(), 1):
        if match := READS_A_CLOCK.search(line):
            problems.append(f"{path}:{number}: reads a clock ('{match.group()}'); only {CLOCK_FILE} does that")
    return problems


def check(root):
    problems = []
    for path in source_text.files(root):
        room = source_text.room_of(path)
        if room and source_text.is_cpp(path):
            problems += _check_file(root, room, path)
    return problems


if __name__ == "__main__":
    source_text.main(check, "violations of the layers")
