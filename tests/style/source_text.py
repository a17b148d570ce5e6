# SPDX-License-Identifier: Apache-2.0
"""What the style checkers share: finding the files of the project, and reading C++ without its comments and texts."""

import os
import re
import sys

ROOMS = ("app", "base", "config", "election/core", "election/stores", "metrics", "output", "supervisor")
SKIPPED_FOLDERS = {".git", "build", "__pycache__", "corpus"}  # the last: what fuzzers begin with, which may be anything


def files(root):
    """Paths of all files below root, relative to it, without build folders."""
    found = []
    for folder, subfolders, names in os.walk(root):
        if "CMakeCache.txt" in names and folder != root:
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if name not in SKIPPED_FOLDERS)
        found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names)]
    return found


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def is_cpp(path):
    return path.endswith((".h", ".cpp"))


def room_of(path):
    """The production room a file belongs to, or None."""
    return next((room for room in ROOMS if path.startswith(room + "/")), None)


_NOT_CODE = re.compile(
    r"//[^\n]*"
    r"|/\*.*?\*/"
    r'|R"(?P<mark>[^(\s]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'",  # not the separator in 1'000'000
    re.DOTALL,
)


def code_only(text):
    """C++ with comments, string and character literals blanked out; every line keeps its number."""

    def blank(match):
        piece = match.group()
        filler = " " if piece[0] == "/" else '""'
        return filler + "\n" * piece.count("\n")

    return _NOT_CODE.sub(blank, text)


def main(check, what):
    """Runs check(root) on the folder given on the command line, prints what it found, and exits accordingly."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} ROOT")
    problems = check(sys.argv[1])
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} {what}")
        sys.exit(1)
    print(f"no {what}")
