# SPDX-License-Identifier: Apache-2.0
"""The one-file leasehold in roots that have nothing, or the wrong things, for it.

    one_file_test.py PROGRAM READELF

PROGRAM is stripped in a copy, as scripts/one-file does it.
"""

import fcntl
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

import roots

LARGEST = 12 * 1000 * 1000
PROGRAM = None
READELF = None

CONFIG = """\
election: {{name: billing, lease_duration: 2s, renew_deadline: 1500ms, retry_period: 200ms}}
workload: {{command: [{command}]}}
http: {{listen: ["127.0.0.1:{port}"]}}
control: {{socket: /run/leasehold/control.sock}}
"""


class NameServer(threading.Thread):
    """Says that every name is 127.0.0.1."""

    def __init__(self):
        super().__init__(daemon=True)
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.start()

    def run(self):
        while True:
            try:
                query, client = self.socket.recvfrom(512)
            except OSError:
                return
            end = query.index(0, 12)
            labels, at = [], 12
            while at < end:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            self.asked.append(".".join(labels))
            question = query[12:end + 5]
            wants_ipv4 = question[-4:-2] == b"\0\1"
            head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if wants_ipv4 else b"\0\0") + b"\0\0\0\0"
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if wants_ipv4 else b""
            self.socket.sendto(head + question + record, client)


class TlsServer(threading.Thread):
    """Answers 404 to whoever trusts its certificate, and remembers them."""

    def __init__(self, certificate, key):
        super().__init__(daemon=True)
        self.requests = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(plain, server_side=True) as connection:
                    self.requests.append(connection.recv(4096).split(b"\r\n")[0])
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            except OSError:
                pass  # a client that does not trust us


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


class OneFile(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="leasehold-one-file-")
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)

    def root(self, name="root", place="leasehold"):
        return roots.make_root(self.folder / name, PROGRAM, place)

    def contain(self, root, *command, **settings):
        container = roots.Container(root, self.folder / f"{root.name}.log", *command, **settings)
        self.addCleanup(container.close)
        return container

    def show_log_of(self, root):
        print((self.folder / f"{root.name}.log").read_text(), file=sys.stderr)

    def lead_in(self, root, workload, ends_with, program="/leasehold"):
        """Leads as PID 1, and ends as its workload does when it is told to."""
        port = free_port()
        (root / "etc/billing.yaml").write_text(CONFIG.format(command=workload, port=port))
        container = self.contain(root, program, "run", "--config", "/etc/billing.yaml")
        self.addCleanup(lambda: self.show_log_of(root) if self._outcome.result.failures else None)
        roots.eventually("it leads", lambda: roots.answer(f"http://127.0.0.1:{port}/status")["role"] == "leader")
        roots.eventually("its workload runs",
                         lambda: roots.answer(f"http://127.0.0.1:{port}/status")["workload"]["state"] == "running")
        status, page = roots.run(root, program, "status", "--socket", "/run/leasehold/control.sock")
        self.assertEqual(status, 0, page)
        container.ask_to_stop()
        self.assertEqual(container.wait(), ends_with)

    def test_is_one_file_of_a_size(self):
        dynamic = subprocess.run([READELF, "--dynamic", "--program-headers", "--wide", PROGRAM], check=True,
                                 capture_output=True, text=True).stdout
        self.assertIn("Elf file type is DYN", dynamic)  # of a position that differs from start to start
        self.assertNotIn("(NEEDED)", dynamic)
        self.assertNotIn("INTERP", dynamic)
        self.assertLess(PROGRAM.stat().st_size, LARGEST)

    def test_leads_in_an_empty_root(self):
        # No shell, no C library, no /etc/passwd: the only program there is for a workload is leasehold.
        root = self.root()
        (root / "etc/other.yaml").write_text("election: {name: other, store: {file: {path: /tmp/other.lease}}}\n"
                                             "http: {listen: []}\n")
        self.lead_in(root, "/leasehold, sidecar, --config, /etc/other.yaml", ends_with=0)

    def test_leads_where_there_is_no_glibc_as_a_user_by_name(self):
        root = self.root(place="usr/local/bin/leasehold")
        roots.add_busybox(root)
        (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\napp:x:4711:4712::/:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\napp:x:4712:\nextra:x:4713:app\n")
        (root / "tmp").chmod(0o1777)
        port = free_port()
        config = CONFIG.format(command="/bin/sh, -c, 'id > /tmp/who && exec sleep 600'", port=port)
        (root / "etc/billing.yaml").write_text(config.replace("workload: {", "workload: {user: app, "))
        self.contain(root, "/usr/local/bin/leasehold", "run", "--config", "/etc/billing.yaml")
        who = root / "tmp/who"
        roots.eventually("the workload said who it is", lambda: who.exists() and who.read_text().endswith("\n"))
        self.assertRegex(who.read_text(), r"^uid=4711\(app\) gid=4712\(app\) groups=.*\b4713\(extra\)\n$")

    def test_takes_nothing_of_a_root_with_another_c_library(self):
        # An older one, a newer one or another's: none of it is even opened.
        root = self.root()
        roots.add_busybox(root)
        for library in ("lib64/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/libc.so.6",
                        "lib/x86_64-linux-gnu/libnss_files.so.2", "lib/x86_64-linux-gnu/libnss_systemd.so.2",
                        "lib/x86_64-linux-gnu/libgcc_s.so.1", "usr/lib/x86_64-linux-gnu/libcurl.so.4"):
            (root / library).parent.mkdir(parents=True, exist_ok=True)
            (root / library).write_text("of another time\n")
        (root / "etc/nsswitch.conf").write_text("passwd: systemd files\nhosts: mdns4_minimal [NOTFOUND=return] dns\n")
        self.lead_in(root, "/bin/sleep, '600'", ends_with=128 + 15)

    def test_leads_in_a_debian(self):
        lower = roots.debian()
        if lower is None:
            self.skipTest("no root folder of Debian: tests/servers/get-debian")
        root = roots.lay_over(lower, self.folder / "debian")
        self.addCleanup(subprocess.run, ["umount", root], check=True)
        roots.make_root(root, PROGRAM, "usr/local/bin/leasehold")
        self.lead_in(root, "/usr/bin/sleep, '600'", ends_with=128 + 15, program="/usr/local/bin/leasehold")

    def test_as_pid_1_hears_a_stop_while_it_prepares(self):
        # What PID 1 neither handles nor blocks the kernel drops.
        root = self.root()
        roots.add_busybox(root)
        (root / "etc/billing.yaml").write_text(CONFIG.format(command="/bin/touch, /tmp/started", port=free_port()))
        folder = os.open(root / "run/leasehold", os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)  # who makes the control socket waits for that
        container = self.contain(root, "/leasehold", "run", "--config", "/etc/billing.yaml")
        roots.eventually("it waits for the folder", lambda: container.prepares_with("/run/leasehold"))
        container.ask_to_stop()
        fcntl.flock(folder, fcntl.LOCK_UN)
        self.assertEqual(container.wait(), 0, (self.folder / "root.log").read_text())
        self.assertFalse((root / "tmp/started").exists(), "a workload was started after it was told to stop")

    def make_certificates(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)

        for name in ("right", "wrong"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", f"/CN={name} authority", "-keyout", f"{name}.key", "-out", f"{name}.pem")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=store.test",
                "-keyout", "server.key", "-out", "server.csr")
        (self.folder / "names").write_text("subjectAltName=DNS:store.test\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "right.pem", "-CAkey", "right.key", "-CAcreateserial",
                "-days", "2", "-extfile", "names", "-out", "server.pem")

    def test_finds_names_and_checks_certificates(self):
        self.make_certificates()
        names = NameServer()
        self.addCleanup(names.socket.close)
        server = TlsServer(self.folder / "server.pem", self.folder / "server.key")
        self.addCleanup(server.socket.close)
        root = self.root()
        (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        (root / "etc/nsswitch.conf").write_text("hosts: mdns4_minimal [NOTFOUND=return] resolve\n")
        (root / "etc/c.yaml").write_text(
            "election: {name: billing, store: {etcd: {endpoints: ['https://store.test:%d']}}}\n"
            "workload: {command: [/leasehold]}\n" % server.port)
        trusted = root / "etc/ssl/certs/ca-certificates.crt"
        trusted.parent.mkdir(parents=True)

        for place in (trusted, root / "etc/pki/tls/certs/ca-bundle.crt"):  # Debian's and Alpine's; Fedora's
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((self.folder / "right.pem").read_bytes())
            server.requests.clear()
            status, said = roots.run(root, "/leasehold", "check", "--probe", "--config", "/etc/c.yaml")
            self.assertTrue(server.requests, f"with {place}: {said}")
            self.assertNotIn("certificate", said)
            self.assertNotEqual(status, 0, "404 is no answer of an etcd")
            place.unlink()
        self.assertIn("store.test", names.asked)

        server.requests.clear()
        for wrong in ("another authority's", "none"):
            if wrong == "another authority's":
                trusted.write_bytes((self.folder / "wrong.pem").read_bytes())
            else:
                trusted.unlink()
            status, said = roots.run(root, "/leasehold", "check", "--probe", "--config", "/etc/c.yaml")
            self.assertNotEqual(status, 0)
            self.assertIn("certificate", said, wrong)
        self.assertEqual(server.requests, [], "somebody spoke to a server that nobody had vouched for")


if __name__ == "__main__":
    roots.enter_namespaces()
    READELF = sys.argv.pop(2)
    with tempfile.TemporaryDirectory(prefix="leasehold-stripped-") as stripped:
        PROGRAM = pathlib.Path(stripped, "leasehold")
        subprocess.run(["strip", "-o", PROGRAM, sys.argv.pop(1)], check=True)
        unittest.main(verbosity=2)
