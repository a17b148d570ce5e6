# SPDX-License-Identifier: Apache-2.0
"""The Debian package in a root folder with nothing else: installed, used, upgraded under a leader, removed, purged.

    package_test.py CPACK BUILD_FOLDER

Skipped (77) without root, or where tests/servers/get-debian has not made the root folder.
"""

import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

import debian_root
from debian_root import eventually

CONFIG = """
identity: ${CANDIDATE}
election: {name: shipped}
workload: {command: [/srv/work]}
http: {listen: []}
control: {socket: "/srv/${CANDIDATE}.sock"}
logging: {level: info}
"""
# Says so when there is another one, and when it began.
WORK = """#!/bin/sh
exec 9>/srv/lock
flock --nonblock 9 || echo overlap >>/srv/overlap
echo "$LEASEHOLD_IDENTITY $LEASEHOLD_FENCING_TOKEN" >>/srv/started
exec sleep infinity
"""
# What a service manager is asked for, where there is one.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/srv/asked
"""
STATE = "var/lib/leasehold"


def build(cpack, folder, into):
    """The package, with nothing in it of when and where it was made."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([cpack, "-G", "DEB", "-B", into], cwd=folder, env=environment, check=True, capture_output=True)
    (package,) = pathlib.Path(into).glob("leasehold_*-1_*.deb")
    return package


def next_release(package, into):
    """The same once more, with a higher number."""
    content = pathlib.Path(into, "content")
    subprocess.run(["dpkg-deb", "--raw-extract", package, content], check=True)
    control = content / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*-)1$", r"\g<1>2", control.read_text(), flags=re.MULTILINE))
    successor = pathlib.Path(into, package.name.replace("-1_", "-2_"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", content, successor], check=True,
                   stdout=subprocess.DEVNULL)
    return successor


# In the process list.
NAMES = {"guardian": "lease-guardian", "supervisor": "leasehold-super", "agent": "leasehold-agent"}


class Candidate:
    def __init__(self, root, name):
        self.root, self.name = root, name
        self._process = root.start(f"/srv/{name}.log", "env", f"CANDIDATE={name}", "leasehold", "run", "--config",
                                   "/etc/leasehold/shipped.yaml")

    def role_process(self, role):
        """The number on this machine of its agent and so on, or None."""
        for folder in pathlib.Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and (folder / "comm").read_text().strip() == NAMES[role]:
                    if self.root.holds(folder.name) and b"CANDIDATE=" + self.name.encode() + b"\0" in (
                            folder / "environ").read_bytes():
                        return int(folder.name)
            except OSError:  # it has just ended
                pass
        return None

    def runs_replaced_program(self, role):
        return os.readlink(f"/proc/{self.role_process(role)}/exe").endswith(" (deleted)")

    def status(self):
        said = self.root.run("leasehold", "status", "--socket", f"/srv/{self.name}.sock", "--json", check=False)
        return json.loads(said) if said.startswith("{") else {}

    def await_role(self, role):
        try:
            return eventually(f"{self.name} is {role}", lambda: self.status().get("role") == role and self.status())
        except AssertionError as problem:
            raise AssertionError(f"{problem}\n{self.root.text(f'/srv/{self.name}.log')}") from None

    def stop(self):
        os.kill(self.role_process("guardian"), signal.SIGTERM)
        status = self._process.wait(debian_root.LIMIT)
        assert status in (0, 128 + signal.SIGTERM), f"{self.name} ended with {status}"


class Story:
    def __init__(self, root, first, second):
        self.root, self.first, self.second = root, first, second
        self.baseline = set()

    def install(self):
        self.root.write("/srv/bin/systemctl", SYSTEMCTL, 0o755)
        (self.root.path / "run/systemd/system").mkdir(parents=True)
        before = self.root.files()
        said = self.root.run("apt-get", "install", "--yes", "--no-install-recommends",
                             "-o", "Dpkg::Use-Pty=0", self.first)
        assert "Setting up leasehold" in said, said
        listed = {path.lstrip("/") for path in self.root.run("dpkg", "-L", "leasehold").split()}
        self.baseline = before | self.root.files() - listed  # with the libraries that came with it
        unknown = [path for path in self.baseline - before if "leasehold" in path]
        assert not unknown, f"the package does not know of {unknown}"
        assert "leasehold 0." in self.root.run("leasehold", "--version")
        assert "\nExecStart=/usr/bin/leasehold run " in self.root.text("/usr/lib/systemd/system/leasehold@.service")
        said = self.root.run("leasehold", "check", "--config", "/etc/leasehold/example.yaml", "--probe")
        assert "/var/lib/leasehold" in said, said
        # What is only recommended, or suggested, is asked for by name.
        for store, package in (("etcd", "libcurl4"), ("zookeeper", "libzookeeper-mt2")):
            said = self.root.run("leasehold", "check", "--config", f"/usr/share/doc/leasehold/examples/{store}.yaml",
                                 "--probe", check=False)
            assert package in said, f"{store}: {said}"

    def take_up(self):
        self.root.write("/etc/leasehold/shipped.yaml", CONFIG)
        self.root.write("/srv/work", WORK, 0o755)
        with (self.root.path / "etc/leasehold/example.yaml").open("a") as file:
            file.write("# of the operator\n")
        a = Candidate(self.root, "a")
        a.await_role("leader")
        eventually("the workload runs", lambda: self.starts() == ["a"])
        b = Candidate(self.root, "b")
        b.await_role("standby")
        return a, b

    def starts(self):
        assert self.root.text("/srv/overlap") == "", "two workloads ran at once"
        lines = [line.split() for line in self.root.text("/srv/started").splitlines()]
        tokens = [int(token) for _, token in lines]
        assert tokens == sorted(set(tokens)), tokens
        return [name for name, _ in lines]

    def upgrade_under(self, a):
        """Nothing of the leader is touched, and it does all that it could do before."""
        before = a.status()
        self.root.run("dpkg", "-i", self.second)
        assert "-2" in self.root.run("dpkg-query", "-W", "leasehold")
        assert "# of the operator" in self.root.text("/etc/leasehold/example.yaml")
        for role in ("guardian", "supervisor", "agent"):
            assert a.runs_replaced_program(role), f"{role} is another: the upgrade restarted it"
        agent = a.role_process("agent")
        os.kill(agent, signal.SIGKILL)
        eventually("the agent is started again", lambda: a.role_process("agent") not in (None, agent))
        eventually("from the program that is gone", lambda: a.runs_replaced_program("agent"))
        after = a.await_role("leader")
        self.root.write("/etc/leasehold/shipped.yaml", CONFIG.replace("level: info", "level: debug"))
        self.root.run("leasehold", "reload", "--socket", "/srv/a.sock")
        eventually("what was reloaded counts", lambda: " debug " in self.root.text("/srv/a.log").lower())
        a.await_role("leader")
        assert before["workload"]["pid"] == after["workload"]["pid"] == a.status()["workload"]["pid"]
        assert self.starts() == ["a"]
        assert set(self.asked()) == {"--system daemon-reload"}, self.asked()

    def asked(self):
        return self.root.text("/srv/asked").splitlines()

    def roll_on(self, a, b):
        """One machine after the other: the one that leads, then the other."""
        a.stop()
        b.await_role("leader")
        a = Candidate(self.root, "a")
        a.await_role("standby")
        assert not a.runs_replaced_program("guardian")
        b.stop()
        a.await_role("leader")
        eventually("the workload runs", lambda: self.starts() == ["a", "b", "a"])
        return a

    def remove_under(self, a):
        """What the service manager did not start, it does not end; a lease in use survives even a purge."""
        self.root.run("dpkg", "-r", "leasehold")
        assert "--system stop leasehold@*.service" in self.asked(), self.asked()
        assert not (self.root.path / "usr/bin/leasehold").exists()
        assert (self.root.path / STATE / "shipped.lease").exists()
        assert (self.root.path / "etc/leasehold/example.yaml").exists()
        said = self.root.run("dpkg", "-P", "leasehold")
        assert "seems to use" in said, said
        assert (self.root.path / STATE / "shipped.lease").exists()
        assert a.role_process("supervisor") and self.starts() == ["a", "b", "a"]
        a.stop()

    def purge(self):
        self.root.run("dpkg", "-i", self.second)
        self.root.write(f"/{STATE}/of-the-workload", "")
        self.root.run("dpkg", "-P", "leasehold")
        left = {path for path in self.root.files() - self.baseline if not path.startswith("srv/")}
        # What others have put there is theirs.
        mine = {"etc/leasehold", "etc/leasehold/shipped.yaml", STATE, f"{STATE}/of-the-workload"}
        assert left == mine, left ^ mine


def main():
    if os.geteuid() != 0 or debian_root.cached() is None:
        print("needs root, and what tests/servers/get-debian makes")
        return 77
    cpack, folder = sys.argv[1:]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first, again = build(cpack, folder, one), build(cpack, folder, other)
        second = next_release(first, one)
        digests = {hashlib.sha256(package.read_bytes()).hexdigest() for package in (first, again)}
        assert len(digests) == 1, "the same program, packed twice, has become two packages"
        root = debian_root.DebianRoot()
        try:
            for package in (first, second):
                (root.path / "srv" / package.name).write_bytes(package.read_bytes())
            story = Story(root, f"/srv/{first.name}", f"/srv/{second.name}")
            story.install()
            a, b = story.take_up()
            story.upgrade_under(a)
            story.remove_under(story.roll_on(a, b))
            story.purge()
        finally:
            root.close()
    print("installed, used, upgraded under a leader, removed, purged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
