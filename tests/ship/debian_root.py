# SPDX-License-Identifier: Apache-2.0
"""A throw-away root folder of Debian, with processes of its own: what is done in it leaves nothing on the machine.

It begins as a copy of what tests/servers/get-debian made. Its processes are in a PID and a mount namespace whose init
is killed at the end, so that the kernel ends them all. Needs root.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

# What comes first is for a test to fill: stand-ins for programs that cannot work in there.
PATH = "/srv/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIMIT = 60  # seconds for a command, and for a condition to come true: a machine may be busy


def cache_folder(what):
    """As in tests/servers/apt.sh."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(os.environ.get("LEASEHOLD_CACHE") or f"{cache}/leasehold", what)


def cached():
    """The folder that get-debian made, or None."""
    folder = cache_folder("debian")
    return folder.resolve() if (folder / "usr/bin/dpkg").exists() else None


class DebianRoot:
    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="leasehold-debian-")
        self.path = pathlib.Path(self._temporary.name, "root")
        subprocess.run(["cp", "-a", "--reflink=auto", cached(), self.path], check=True)
        for folder in ("proc", "sys", "run"):
            shutil.rmtree(self.path / folder, ignore_errors=True)
            (self.path / folder).mkdir()
        script = 'mount --make-rprivate / && mount -t proc proc "$0/proc" && echo ready && exec sleep infinity'
        self._init = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, self.path],
            stdout=subprocess.PIPE, text=True)
        assert self._init.stdout.readline() == "ready\n", "no namespaces: is this root?"
        self._init_pid = pathlib.Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text().split()[0]
        self._namespace = os.readlink(f"/proc/{self._init_pid}/ns/pid")

    def close(self):
        self._init.kill()  # and with it goes its child, and with that all the others
        self._init.wait()
        self._init.stdout.close()
        self._temporary.cleanup()

    def _inside(self, *command):
        # Two forks: what nsenter starts in a new PID namespace is its child.
        return ["nsenter", "--target", self._init_pid, "--mount", "--pid", "chroot", self.path, *command]

    def run(self, *command, check=True):
        """Output, standard error among it; of a failure an exception with it, or with check=False what there is."""
        done = subprocess.run(self._inside(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=LIMIT * 3, stdin=subprocess.DEVNULL, check=False,
                              env={"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive"})
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
        return done.stdout

    def start(self, output, *command):
        """A process that goes on; what it prints comes into the file `output` of the root."""
        with open(self.path / output.lstrip("/"), "ab") as file:
            return subprocess.Popen(self._inside(*command), stdout=file, stderr=file, stdin=subprocess.DEVNULL,
                                    env={"PATH": PATH})

    def holds(self, pid):
        """Whether the process with this number, on the machine, is one of this root."""
        return os.readlink(f"/proc/{pid}/ns/pid") == self._namespace

    def text(self, path):
        file = self.path / path.lstrip("/")
        return file.read_text() if file.exists() else ""

    def write(self, path, text, mode=0o644):
        file = self.path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def files(self):
        """All paths, but those of the kernel, of logs, and what the package manager knows."""
        left_out = ("proc", "sys", "tmp", "var/log", "var/lib/dpkg", "var/lib/apt", "var/cache")
        found = set()
        for folder, folders, files in os.walk(self.path):
            below = os.path.relpath(folder, self.path)
            folders[:] = [name for name in folders if os.path.normpath(os.path.join(below, name)) not in left_out]
            found |= {os.path.normpath(os.path.join(below, name)) for name in folders + files}
        return found


def eventually(what, condition):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {LIMIT} s: {what}")
