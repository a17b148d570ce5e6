# SPDX-License-Identifier: Apache-2.0
"""Root folders to run the one-file leasehold in, as PID 1 of a PID namespace: what a container is to it."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

LIMIT = 60  # seconds for a condition to come true: a machine may be busy
PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def enter_namespaces():
    """Executes this program anew with a network and mounts of its own; skips where that is not allowed."""
    if "LEASEHOLD_IN_NAMESPACES" in os.environ:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    if os.geteuid() != 0:
        print("skipped: needs root, for namespaces and chroot")
        sys.exit(SKIPPED)
    os.environ["LEASEHOLD_IN_NAMESPACES"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv])


def make_root(folder, program, place="leasehold"):
    """A folder with the program, and nothing else but where proc is mounted and what leasehold writes."""
    root = pathlib.Path(folder)
    for needed in ("proc", "etc", "var/lib/leasehold", "run/leasehold", "tmp", os.path.dirname(place) or "."):
        (root / needed).mkdir(parents=True, exist_ok=True)
    shutil.copy(program, root / place)
    return root


def add_busybox(root):
    """A shell and its tools that need no C library, as Alpine has them."""
    (root / "bin").mkdir(exist_ok=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for name in ("sh", "sleep", "date", "cat", "id", "touch"):
        (root / "bin" / name).symlink_to("busybox")


def debian():
    """What tests/servers/get-debian made, or None."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = pathlib.Path(os.environ.get("LEASEHOLD_CACHE") or f"{cache}/leasehold", "debian")
    return folder.resolve() if (folder / "usr/bin/dpkg").exists() else None


def lay_over(lower, folder):
    """A root folder that looks like `lower`, and keeps what is written to it below `folder`."""
    parts = {name: pathlib.Path(folder, name) for name in ("upper", "work", "merged")}
    for part in parts.values():
        part.mkdir(parents=True)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir={lower},upperdir={parts['upper']},workdir={parts['work']}", parts["merged"]], check=True)
    return parts["merged"]


def run(root, *command):
    """(status, output) of a command in the root folder."""
    done = subprocess.run(["chroot", root, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=LIMIT, stdin=subprocess.DEVNULL, check=False, env={"PATH": PATH})
    return done.returncode, done.stdout


class Container:
    """leasehold as PID 1. It is killed at the end, and with it, by the kernel, everything in it."""

    def __init__(self, root, log, *command, user=None, environment=None):
        as_user = [f"--setuid={user}", f"--setgid={user}"] if user else []
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as file:
            # What is mounted for it is gone with its mount namespace.
            self._unshare = subprocess.Popen(
                ["unshare", "--pid", "--mount", "--fork", "--kill-child", f"--root={root}", "--wd=/", "--mount-proc",
                 *as_user, *command],
                stdout=file, stderr=file, stdin=subprocess.DEVNULL,
                env={"PATH": PATH, **(environment or {})})

    def kill(self):
        """PID 1 at once, as the kernel's out-of-memory killer or a container runtime does it."""
        for child in children(self._unshare.pid):
            os.kill(child, 9)
        self._unshare.wait(LIMIT)  # it has waited for PID 1, and that for all the others

    def prepares_with(self, path):
        """Whether a child of PID 1 has a file open whose path ends so."""
        return any(os.readlink(fd).endswith(path) for child in children(self._unshare.pid)
                   for grandchild in children(child) for fd in pathlib.Path(f"/proc/{grandchild}/fd").iterdir())

    def ask_to_stop(self):
        """SIGTERM to PID 1."""
        for child in children(self._unshare.pid):
            os.kill(child, 15)

    def wait(self):
        """The exit status of PID 1."""
        return self._unshare.wait(LIMIT)

    def close(self):
        if self._unshare.poll() is None:
            self.kill()


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def answer(url):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as reply:
        return json.loads(reply.read())


def eventually(what, condition):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass  # nobody listens yet
        time.sleep(0.02)
    raise AssertionError(f"within {LIMIT} s it did not come true: {what}")
