# SPDX-License-Identifier: Apache-2.0
"""Checks with readelf's eyes that a program was built as cmake/Hardening.cmake wants it, and names no folder of the
machine that built it.

    hardened.py READELF PROGRAM [FOLDER...]

FOLDER: what must not stand anywhere in the program, such as where it was built.
"""

import pathlib
import re
import subprocess
import sys


def _listing(readelf, program, *what):
    return subprocess.run(
        [readelf, "--wide", *what, program], check=True, capture_output=True, text=True
    ).stdout


def _loaded_segments(readelf, program):
    """(flags, kind) of every program header: ("RW ", "GNU_STACK")."""
    listing = _listing(readelf, program, "--segments")
    return [(flags, kind) for kind, flags in re.findall(r"^ +(\w+) +(?:0x\w+ +){5}([RWE ]{3})", listing, re.MULTILINE)]


def _check_loading(readelf, program):
    header = _listing(readelf, program, "--file-header")
    dynamic = _listing(readelf, program, "--dynamic")
    segments = _loaded_segments(readelf, program)
    if not re.search(r"Type: +DYN", header):
        yield "is at the same addresses whenever it starts: not PIE"
    if "GNU_RELRO" not in [kind for _, kind in segments]:
        yield "does not protect what the loader has filled in: no -z relro"
    if dynamic.strip().startswith("Dynamic section") and not re.search(r"BIND_NOW|Flags:.*\bNOW\b", dynamic):
        yield "leaves addresses to be filled in later, and so writable: no -z now"
    for flags, kind in segments:
        if "E" in flags and "W" in flags or kind == "GNU_STACK" and "E" in flags:
            yield f"executes what it can write: {kind} is {flags.strip()}"
    if "GNU_STACK" not in [kind for _, kind in segments]:
        yield "says nothing of its stack, which therefore may be executed"


def _check_code(readelf, program):
    symbols = set(re.findall(r"\b(__\w+_chk\w*)", _listing(readelf, program, "--symbols", "--dyn-syms")))
    if not any(symbol.startswith("__stack_chk_fail") for symbol in symbols):
        yield "does not notice an overwritten stack: no -fstack-protector-strong"
    if not any(not symbol.startswith("__stack_chk") for symbol in symbols):
        yield "has no call of libc whose sizes are checked: no _FORTIFY_SOURCE"
    if "X86-64" in _listing(readelf, program, "--file-header"):
        # endbr64 at the beginning of a function: few without -fcf-protection, where only libc's start files have it.
        count = pathlib.Path(program).read_bytes().count(b"\xf3\x0f\x1e\xfa")
        if count < 100:
            yield f"has {count} places that an indirect jump may lead to: no -fcf-protection"


def check(readelf, program, folders=()):
    problems = [*_check_loading(readelf, program), *_check_code(readelf, program)]
    content = pathlib.Path(program).read_bytes()
    problems += [f"names {folder}" for folder in folders if folder.encode() in content]
    return [f"{program} {problem}" for problem in problems]


if __name__ == "__main__":
    found = check(sys.argv[1], sys.argv[2], sys.argv[3:])
    print("\n".join(found) or "it is hardened")
    sys.exit(1 if found or len(sys.argv) < 3 else 0)
