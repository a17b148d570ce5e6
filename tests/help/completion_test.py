# SPDX-License-Identifier: Apache-2.0
"""The completion of a shell, tried in that shell: every command and option, values, files, programs.

    completion_test.py bash|zsh|fish PROGRAM
"""

import os
import shutil
import subprocess
import sys
import tempfile

import command_line
import shells

NO_SHELL = 77

# What is typed, and what it becomes by the tabulator; a blank or = that may follow is left out.
CASES = (
    ("leasehold run --config notes", "leasehold run --config notes.yaml"),
    ("leasehold run --config=notes", "leasehold run --config=notes.yaml"),
    ("leasehold check -c notes", "leasehold check -c notes.yaml"),
    ("leasehold run --wait-timeout no", "leasehold run --wait-timeout no"),
    ("leasehold schema no", "leasehold schema no"),
    ("leasehold completion z", "leasehold completion zsh"),
    ("leasehold completion no", "leasehold completion no"),
    ("leasehold run -c notes.yaml -- lonely-pr", "leasehold run -c notes.yaml -- lonely-program"),
    ("leasehold run -c notes.yaml -- cat no", "leasehold run -c notes.yaml -- cat notes.yaml"),
    ("leasehold sidecar -c notes.yaml -- lonely-pr", "leasehold sidecar -c notes.yaml -- lonely-pr"),
)


def all_cases(program):
    """CASES, and every command and long option, spelled but for the last letter."""
    yield from CASES
    for command, options in command_line.commands(program).items():
        prefix = "leasehold " + command
        if command:
            yield prefix[:-1], prefix
            prefix += " "
        for option in options:
            yield prefix + option[:-1], prefix + option


def problems(shell, script, program):
    with tempfile.TemporaryDirectory() as folder:
        for name, mode in (("notes.yaml", 0o644), ("lonely-program", 0o755), ("leasehold", 0o755)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)
        subject = shells.SHELLS[shell](folder, script)
        found = [] if subject.parses else [f"{shell} does not parse the script"]
        try:
            for typed, wanted in all_cases(program):
                became = subject.completed(typed).rstrip(" =")
                if became != wanted:
                    found.append(f"'{typed}' became '{became}', not '{wanted}'")
        finally:
            subject.close()
        return found


def main():
    shell, program = sys.argv[1:]
    if shutil.which(shell) is None:
        print(f"{shell} is not installed; scripts/packages names its package")
        return NO_SHELL
    script = subprocess.run([program, "completion", shell], check=True, capture_output=True, text=True).stdout
    found = problems(shell, script, program)
    print("\n".join(found) or f"{shell} completes everything")
    if not problems(shell, script.replace("wait-timeout", "wait"), program):
        found.append("not noticed: an option that is missing")
        print(found[-1])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
