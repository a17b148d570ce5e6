# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` puts where, with a DESTDIR and another prefix than the default.

    layout_test.py CMAKE BUILD_FOLDER SOURCE_FOLDER
"""

import os
import pathlib
import subprocess
import sys
import tempfile

PREFIX = "opt/leasehold"
DOC = "share/doc/leasehold"
ALWAYS = {
    "bin/leasehold",
    "lib/systemd/system/leasehold@.service",
    "share/man/man1/leasehold.1",
    "share/man/man5/leasehold.yaml.5",
    "share/bash-completion/completions/leasehold",
    "share/fish/vendor_completions.d/leasehold.fish",
    "share/zsh/site-functions/_leasehold",
}
# Folders of the source that come as they are, where there are such.
FOLDERS = {
    "deploy/examples": f"{DOC}/examples",
    "deploy/kubernetes": f"{DOC}/kubernetes",
    "deploy/compose": f"{DOC}/compose",
    "docs/runbooks": f"{DOC}/docs/runbooks",
    "deploy/prometheus": "share/leasehold/prometheus",
    "deploy/grafana": "share/leasehold/grafana",
}


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")
            if not path.is_dir() and "__pycache__" not in path.parts}


def expected(source):
    wanted = set(ALWAYS) | {f"{DOC}/{name}" for name in ("README.md", "CHANGELOG.md", "LICENSE")}
    wanted |= {f"{DOC}/docs/{page.name}" for page in source.glob("docs/*.md")}
    for folder, place in FOLDERS.items():
        wanted |= {f"{place}/{name}" for name in files_below(source / folder)}
    assert len(wanted) > 30, "is that the source?"
    return wanted


def main():
    cmake, build, source = sys.argv[1:]
    with tempfile.TemporaryDirectory() as staging:
        subprocess.run([cmake, "--install", build, "--prefix", f"/{PREFIX}"], env={**os.environ, "DESTDIR": staging},
                       check=True, stdout=subprocess.DEVNULL)
        root = pathlib.Path(staging)
        installed = files_below(root)
        wanted = {f"{PREFIX}/{name}" for name in expected(pathlib.Path(source))}
        assert installed == wanted, f"too much: {installed - wanted}; missing: {wanted - installed}"
        unit = (root / PREFIX / "lib/systemd/system/leasehold@.service").read_text()
        assert f"ExecStart=/{PREFIX}/bin/leasehold run" in unit and "/usr/local" not in unit, unit
        program = root / PREFIX / "bin/leasehold"
        said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
        assert said.stdout.startswith("leasehold 0."), said.stdout
        page = subprocess.run([program, "manual", "1"], check=True, capture_output=True, text=True).stdout
        assert (root / PREFIX / "share/man/man1/leasehold.1").read_text() == page, "the page is not the program's own"
        for name in ALWAYS:
            assert (root / PREFIX / name).stat().st_size > 100, f"{name} is empty"
    print(f"{len(wanted)} files, all of them where they belong")


main()
