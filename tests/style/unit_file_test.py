# SPDX-License-Identifier: Apache-2.0
"""systemd finds nothing to say about the unit file, and does about one that is broken.

unit_file_test.py UNIT PROGRAM
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile


def complaints(text: str, name: str) -> str:
    """What systemd-analyze says, with its exit status if it is not 0."""
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder, name)
        unit.write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
        status = f"exit status {done.returncode}" if done.returncode else ""
        return done.stdout + done.stderr + status


def main() -> int:
    unit, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    if shutil.which("systemd-analyze") is None:
        print("systemd-analyze is not installed")
        return 77
    # It looks for the program as well.
    text = unit.read_text().replace("/usr/local/bin/leasehold", program)
    said = complaints(text, unit.name)
    if said:
        print(said)
        return 1
    for right, wrong in (("Type=notify", "Type=notified"), ("KillMode=mixed", "KilMode=mixed"), (program, "/none/x")):
        assert right in text, right
        if not complaints(text.replace(right, wrong), unit.name):
            print(f"not noticed: {wrong}")
            return 1
    return 0


sys.exit(main())
