# SPDX-License-Identifier: Apache-2.0
"""A few files compiled once more, from a copy of the source in another folder, are the same bytes as those of the
build; so is the program, linked once more in another folder. scripts/reproducible does that with all of it.

    reproducible_test.py NINJA BUILD_FOLDER SOURCE_FOLDER
"""

import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

CHOSEN = ("base/event_loop.cpp", "base/log.cpp", "supervisor/spawn.cpp")


def without_cache(command):
    return command[1:] if pathlib.Path(command[0]).name == "ccache" else command


def with_output(command, output):
    at = command.index("-o") + 1
    return [*command[:at], str(output), *command[at + 1:]], command[at]


def compile_elsewhere(build, source, folder):
    """Compares the object files. Returns the problems."""
    copy = pathlib.Path(folder, "another", "place")
    shutil.copytree(source, copy, ignore=lambda at, names: [
        name for name in names if name.startswith(".") or name == "build" or
        pathlib.Path(at, name).is_file() and not name.endswith((".h", ".cpp"))])
    problems = []
    places = {str(source / name): name for name in CHOSEN}
    compiled = 0
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if (name := places.get(entry["file"])) is None:
            continue
        compiled += 1
        command, built = with_output(without_cache(shlex.split(entry["command"])), pathlib.Path(folder, "object.o"))
        command = [word.replace(str(source), str(copy)) for word in command]
        subprocess.run(command, cwd=folder, check=True)
        if pathlib.Path(folder, "object.o").read_bytes() != (build / built).read_bytes():
            problems.append(f"{name} compiled in {copy} is something else than {built}")
        assert command[-1] == str(copy / name), f"{name} was not compiled from the copy"
    assert compiled == len(CHOSEN), f"only {compiled} of {CHOSEN} are in the build"
    return problems


def link_elsewhere(ninja, build, folder):
    listed = subprocess.run([ninja, "-C", build, "-t", "commands", "leasehold"], check=True, capture_output=True,
                            text=True).stdout.splitlines()
    (link,) = [part for part in listed[-1].split("&&") if " -o " in part]
    command, built = with_output(shlex.split(link), pathlib.Path(folder, "program"))
    subprocess.run(command, cwd=build, check=True)
    same = pathlib.Path(folder, "program").read_bytes() == (build / built).read_bytes()
    return [] if same else [f"linked once more, it is something else than {built}"]


def main():
    ninja, build, source = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        problems = compile_elsewhere(build, source, folder) + link_elsewhere(ninja, build, folder)
    print("\n".join(problems) or "the same bytes")
    return 1 if problems else 0


sys.exit(main())
