# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` installs, into a folder of its own: all of it, nothing else, and usable where it is.

    install_test.py CMAKE BUILD
"""

import pathlib
import subprocess
import sys
import tempfile

INSTALLED = {
    "bin/leasehold",
    "lib/systemd/system/leasehold@.service",
    "share/bash-completion/completions/leasehold",
    "share/fish/vendor_completions.d/leasehold.fish",
    "share/leasehold/grafana/leasehold.json",
    "share/leasehold/prometheus/leasehold.rules.yaml",
    "share/man/man1/leasehold.1",
    "share/man/man5/leasehold.yaml.5",
    "share/zsh/site-functions/_leasehold",
}
EXAMPLES = "share/doc/leasehold/examples/"


def main():
    cmake, build = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([cmake, "--install", build, "--prefix", folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        prefix = pathlib.Path(folder)
        files = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
        examples = {name for name in files if name.startswith(EXAMPLES)}
        assert EXAMPLES + "minimal.yaml" in examples, files
        assert files - examples == INSTALLED, (files - examples) ^ INSTALLED
        empty = [name for name in files if (prefix / name).stat().st_size == 0]
        assert not empty, empty

        unit = (prefix / "lib/systemd/system/leasehold@.service").read_text()
        assert f"ExecStart={folder}/bin/leasehold run " in unit, unit
        program = prefix / "bin/leasehold"
        page = subprocess.run([program, "manual", "1"], check=True, capture_output=True, text=True).stdout
        assert (prefix / "share/man/man1/leasehold.1").read_text() == page, "the page is not the program's own"
    return 0


if __name__ == "__main__":
    sys.exit(main())
