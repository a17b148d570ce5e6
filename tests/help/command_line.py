# SPDX-License-Identifier: Apache-2.0
"""What --help says that there is."""

import re
import subprocess

_OPTION = re.compile(r"^  (?:-\w,)?(--[\w-]+)", re.MULTILINE)
_COMMAND = re.compile(r"^  ([a-z][a-z-]*) ", re.MULTILINE)


def _help(program, *command):
    return subprocess.run([program, *command, "--help"], check=True, capture_output=True, text=True).stdout


def commands(program):
    """The commands and their long options; those before any command are under the empty name."""
    text = _help(program)
    below = _COMMAND.findall(text[text.index("Subcommands:"):])
    found = {"": _OPTION.findall(text)}
    for command in below:
        found[command] = _OPTION.findall(_help(program, command))
    return found
