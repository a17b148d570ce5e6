# SPDX-License-Identifier: Apache-2.0
"""The image of deploy/Dockerfile, built by buildah, and a failover between two containers of one made from it.

    image_test.py PROGRAM SOURCE

The first stage, which compiles, finds dist/leasehold made (PROGRAM, stripped), and needs no more of debian:12 than a
shell: what stands for it is busybox. A container is what the kernel makes it: a PID namespace with leasehold as PID 1,
as the image's user, in the image's root folder.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import roots

LARGEST = 15 * 1000 * 1000  # compressed
USER = 65532
PROGRAM = None
SOURCE = None

DERIVED = """\
FROM localhost/busybox
COPY --from=localhost/leasehold:test /leasehold /usr/local/bin/
USER 65532:65532
"""

CONFIG = """\
identity: {identity}
election:
  name: billing
  lease_duration: 2s
  renew_deadline: 1500ms
  retry_period: 200ms
  store: {{file: {{path: /var/lib/leasehold/billing.lease}}}}
workload:
  # Says who it is as often as it can while it lives.
  command: [/bin/sh, -c, "while :; do echo $$LEASEHOLD_TERM_ID $$LEASEHOLD_FENCING_TOKEN >>lines; sleep 0.01; done"]
  working_directory: /var/lib/leasehold
http: {{listen: ["127.0.0.1:{port}"]}}
control: {{socket: /run/leasehold/control.sock}}
"""


class Buildah:
    def __init__(self, folder):
        self.base = ["buildah", "--storage-driver", "vfs", "--root", str(folder / "root"),
                     "--runroot", str(folder / "run")]

    def __call__(self, *arguments):
        done = subprocess.run([*self.base, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=300, stdin=subprocess.DEVNULL, check=False, cwd="/")
        if done.returncode != 0:
            raise AssertionError(f"buildah {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def build(self, tag, file, context):
        self("build", "--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker",
             "--tag", tag, "--file", str(file), str(context))


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="leasehold-image-")
        cls.folder = pathlib.Path(cls.temporary.name)
        os.environ["BUILDAH_HISTORY"] = "false"
        cls.buildah = Buildah(cls.folder / "store")
        cls.make_busybox()
        context = cls.folder / "context"
        (context / "dist").mkdir(parents=True)
        shutil.copy(SOURCE / "LICENSE", context)
        subprocess.run(["strip", "-o", context / "dist/leasehold", PROGRAM], check=True)
        cls.buildah.build("localhost/leasehold:test", SOURCE / "deploy/Dockerfile", context)

    @classmethod
    def make_busybox(cls):
        root = cls.folder / "busybox"
        (root / "bin").mkdir(parents=True)
        shutil.copy("/bin/busybox", root / "bin/busybox")
        for name in ("sh", "[", "mkdir", "cp", "sleep"):
            (root / "bin" / name).symlink_to("busybox")
        (root / "tmp").mkdir()
        container = cls.buildah("from", "scratch")
        cls.buildah("add", container, str(root), "/")
        for tag in ("localhost/busybox", "docker.io/library/debian:12"):
            cls.buildah("commit", "--format", "docker", container, tag)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_describes_itself(self):
        image = json.loads(self.buildah("inspect", "--type", "image", "localhost/leasehold:test"))["Docker"]["config"]
        self.assertEqual(image["User"], "65532:65532")
        self.assertEqual(image["Entrypoint"], ["/leasehold"])
        self.assertEqual(image["Healthcheck"]["Test"][:3], ["CMD", "/leasehold", "status"])
        version = subprocess.run([PROGRAM, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
        self.assertEqual(image["Labels"]["org.opencontainers.image.version"], version)
        for name in ("title", "description", "licenses"):
            self.assertIn(f"org.opencontainers.image.{name}", image["Labels"])

    def test_is_small_and_has_nothing_else_in_it(self):
        archive = self.folder / "archive"
        self.buildah("push", "--format", "v2s2", "localhost/leasehold:test", f"dir:{archive}")
        compressed = sum(file.stat().st_size for file in archive.iterdir())
        print(f"the image has {compressed} bytes", file=sys.stderr)
        self.assertLess(compressed, LARGEST)
        root = pathlib.Path(self.buildah("mount", self.buildah("from", "localhost/leasehold:test")))
        files = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
        self.assertLessEqual({"leasehold", "LICENSE", "etc/passwd", "etc/group"}, files)
        self.assertLessEqual(files - {"leasehold", "LICENSE", "etc/passwd", "etc/group"},
                             {"etc/hosts", "etc/resolv.conf", "etc/hostname", "run/.containerenv"})
        for writable in ("run/leasehold", "var/lib/leasehold"):
            self.assertEqual((root / writable).stat().st_uid, USER, writable)

    def test_fails_over_between_two_containers(self):
        derived = self.folder / "derived"
        derived.mkdir()
        (derived / "Dockerfile").write_text(DERIVED)
        self.buildah.build("localhost/billing:test", derived / "Dockerfile", derived)
        shared = self.folder / "shared"
        shared.mkdir()
        os.chown(shared, USER, USER)
        os.chmod(self.folder, 0o755)
        ports = dict(zip(("one", "two"), free_ports(2)))
        containers = {name: self.start(name, port, shared) for name, port in ports.items()}

        def leader():
            leading = [name for name in containers
                       if roots.answer(f"http://127.0.0.1:{ports[name]}/status")["role"] == "leader"]
            self.assertLess(len(leading), 2)
            return leading[0] if leading else None

        try:
            roots.eventually("one of them leads, and its workload writes",
                             lambda: leader() and (shared / "lines").exists() and (shared / "lines").stat().st_size)
            first = leader()
            before = self.terms(shared)[-1]
            containers.pop(first).kill()
            roots.eventually("the other one leads, and its workload writes", lambda: self.terms(shared)[-1] != before)
            self.assertNotEqual(leader(), first)
        finally:
            for container in containers.values():
                container.close()
            if any(result for result in (self._outcome.result.failures, self._outcome.result.errors)):
                for log in sorted(self.folder.glob("*.log")):
                    print(log.read_text(), file=sys.stderr)
        terms = self.terms(shared)
        self.assertEqual(len([term for i, term in enumerate(terms) if i == 0 or term != terms[i - 1]]), 2,
                         "the lines of two terms are mixed: two workloads ran at once")
        self.assertLess(int(terms[0].split()[1]), int(terms[-1].split()[1]), "the token grows")

    def start(self, name, port, shared):
        root = pathlib.Path(self.buildah("mount", self.buildah("from", "--name", name, "localhost/billing:test")))
        for folder in ("proc", "etc", "var/lib/leasehold", "run/leasehold"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        os.chown(root / "run/leasehold", USER, USER)
        (root / "etc/leasehold.yaml").write_text(CONFIG.format(identity=name, port=port))
        subprocess.run(["mount", "--bind", shared, root / "var/lib/leasehold"], check=True)
        self.addCleanup(subprocess.run, ["umount", root / "var/lib/leasehold"], check=True)
        return roots.Container(root, self.folder / f"{name}.log", "/usr/local/bin/leasehold", "run", "--config",
                               "/etc/leasehold.yaml", user=USER)

    @staticmethod
    def terms(shared):
        """Of each whole line."""
        return (shared / "lines").read_text().rpartition("\n")[0].splitlines()


if __name__ == "__main__":
    roots.enter_namespaces()
    PROGRAM, SOURCE = pathlib.Path(sys.argv.pop(1)), pathlib.Path(sys.argv.pop(1))
    unittest.main(verbosity=2)
