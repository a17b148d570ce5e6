# SPDX-License-Identifier: Apache-2.0
"""Checks that all C++ is laid out as clang-format 14 does it; exits with 77 when that is not installed.

    format.py ROOT
"""

import os
import re
import shutil
import subprocess
import sys

import source_text

VERSION = "14"  # others lay some things out differently
SKIPPED = 77


def formatter():
    """The program to use, or None."""
    for name in (f"clang-format-{VERSION}", "clang-format"):
        program = shutil.which(name)
        if program:
            said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
            if re.search(rf"version {VERSION}\.", said):
                return program
    return None


def check(root):
    paths = [path for path in source_text.files(root) if source_text.is_cpp(path)]
    style = os.path.join(os.path.abspath(root), ".clang-format")
    command = [formatter(), f"--style=file:{style}", "--dry-run", "--ferror-limit=1", *paths]
    said = subprocess.run(command, check=True, cwd=root, capture_output=True, text=True).stderr
    places = dict.fromkeys(re.findall(r"^(\S+?:\d+):\d+: warning", said, re.MULTILINE))
    return [f"{place}: is laid out differently; run clang-format -i on the file" for place in places]


if __name__ == "__main__":
    if formatter() is None:
        print(f"skipped: clang-format {VERSION} is not installed")
        sys.exit(SKIPPED)
    source_text.main(check, "files that clang-format would change")
