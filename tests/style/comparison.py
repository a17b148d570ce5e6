# SPDX-License-Identifier: Apache-2.0
"""Checks that every row of the comparison names tests, and that ctest has them.

    comparison.py CTEST BUILD DOCUMENT

Tests of a room that was not built are not looked for: ctest does not know them yet.
"""

import json
import re
import subprocess
import sys

COLUMNS = 10
SPAN = re.compile(r"`([^`]+)`")
WITH_VALUE = re.compile(r"  # GetParam\(\) = .*", re.DOTALL)  # behind the name, in CMake's list of a test's cases
NOT_BUILT = re.compile(r"(\w+)_test_NOT_BUILT")


def rows(text):
    """The rows of all tables, as lists of cells, without their headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "feature" and not set(row[0]) <= set("-")]


def check(text, tests):
    """`tests` are the names that ctest knows."""
    unbuilt = {match.group(1) for test in tests if (match := NOT_BUILT.match(test))}
    found = [] if rows(text) else ["there is no table"]
    for row in rows(text):
        if len(row) != COLUMNS or not all(row):
            found.append(f"'{row[0]}' has not {COLUMNS} filled cells")
            continue
        named = SPAN.findall(row[-1])
        if not named:
            found.append(f"'{row[0]}' names no test")
        missing = [name for name in named if name not in tests and name.split(".")[0] not in unbuilt]
        found += [f"'{row[0]}' names {name}, which is no test" for name in missing]
    return found


def known_tests(ctest, build):
    command = [ctest, "--test-dir", build, "--show-only=json-v1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {WITH_VALUE.sub("", test["name"]) for test in json.loads(done.stdout)["tests"]}


def main():
    ctest, build, document = sys.argv[1:]
    with open(document, encoding="utf-8") as file:
        problems = check(file.read(), known_tests(ctest, build))
    for problem in problems:
        print(f"{document}: {problem}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
