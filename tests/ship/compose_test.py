# SPDX-License-Identifier: Apache-2.0
"""The Compose example without Docker: what its file says fits together, and the same processes with the same arguments
and the same configuration, on loopback, do what its README says.

    compose_test.py LEASEHOLD FOLDER

Skipped (77) without PyYAML; what needs a real etcd is left out, and said, where there is none.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request

from debian_root import LIMIT, cache_folder, eventually


def seconds(text):
    return float(re.fullmatch(r"(\d+)s", text).group(1))


def option(command, name):
    (value,) = [word.split("=", 1)[1] for word in command if word.startswith(f"--{name}=")]
    return value


class Example:
    def __init__(self, yaml, folder):
        self.folder = folder
        self.compose = yaml.safe_load((folder / "compose.yaml").read_text())
        self.config = yaml.safe_load((folder / "leasehold.yaml").read_text())
        self.services = self.compose["services"]
        self.members = {name: it for name, it in self.services.items() if name.startswith("etcd-")}
        self.candidates = {name: it for name, it in self.services.items() if name.startswith("billing-")}


def check_members(example):
    assert len(example.members) == 3
    cluster = ",".join(f"{name}=http://{name}:2380" for name in example.members)
    for name, service in example.members.items():
        command = service["command"]
        assert option(command, "name") == name
        assert option(command, "initial-cluster") == cluster
        assert option(command, "advertise-client-urls") == f"http://{name}:2379"
        assert option(command, "initial-advertise-peer-urls") == f"http://{name}:2380"
        assert service["volumes"] == [f"{name}:{option(command, 'data-dir')}"]
        assert name in example.compose["volumes"]
    assert example.config["election"]["store"]["etcd"]["endpoints"] == [
        option(it["command"], "advertise-client-urls") for it in example.members.values()]


def check_candidates(example, leasehold, timing):
    assert len(example.candidates) == 3
    ports = [service["ports"][0] for service in example.candidates.values()]
    assert len(set(ports)) == 3 and all(port.endswith(":9090") for port in ports), ports
    assert example.config["http"]["listen"] == [":9090"]
    assert set(example.services["prepare"]["depends_on"]) == set(example.members)
    patience = seconds(example.config["workload"]["stop"]["grace_period"]) + timing["renew_deadline"] + 4
    for name, service in {**example.candidates, "prepare": example.services["prepare"]}.items():
        (source, target, mode) = service["volumes"][0].split(":")
        assert (example.folder / source).is_file() and mode == "ro"
        words = [*service.get("entrypoint", []), *service.get("healthcheck", {}).get("test", [])]
        assert target in words, f"{name} reads another file than {target}"
        done = subprocess.run([leasehold, "check", "--config", example.folder / source], capture_output=True, text=True,
                              env={**os.environ, **service["environment"]}, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    for name, service in example.candidates.items():
        assert service["environment"]["CANDIDATE"] == name
        assert set(service["depends_on"]) == {"prepare"}
        assert seconds(service["stop_grace_period"]) >= patience, f"{name}: killed before it may have released"
    dockerfile = (example.folder / "billing/Dockerfile").read_text()
    assert '"--config", "/etc/leasehold.yaml"' in dockerfile
    program = example.config["workload"]["command"][0]
    assert f" {pathlib.Path(program).name} {program}\n" in dockerfile
    assert os.access(example.folder / "billing" / pathlib.Path(program).name, os.X_OK)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [it.getsockname()[1] for it in sockets]
    for it in sockets:
        it.close()
    return ports


class Running:
    """The services as processes, with addresses on loopback in the place of the containers' names."""

    def __init__(self, example, leasehold, etcd, work):
        self.example, self.leasehold, self.work = example, leasehold, pathlib.Path(work)
        self.processes = {}
        ports = iter(free_ports(2 * len(example.members) + len(example.candidates)))
        self.places = {f"http://{name}:{port}": f"http://127.0.0.1:{next(ports)}"
                       for name in example.members for port in (2379, 2380)}
        self.http = {name: next(ports) for name in example.candidates}
        for name, service in example.members.items():
            command = [self._here(word) for word in service["command"][1:]]
            for kind, port in (("client", 2379), ("peer", 2380)):
                command = [word.replace(f"http://0.0.0.0:{port}", self.places[f"http://{name}:{port}"])
                           for word in command]
            command = [word.replace("=/etcd-data", f"={work}/{name}") for word in command]
            self._start(name, [etcd, *command])

    def _here(self, text):
        for there, here in self.places.items():
            text = text.replace(there, here)
        return text

    def _start(self, name, command, **environment):
        with open(self.work / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                                    env={**os.environ, **environment})

    def _config(self, name):
        text = self._here((self.example.folder / "leasehold.yaml").read_text())
        text = text.replace("/usr/local/bin/", f"{self.example.folder}/billing/")
        text = text.replace('":9090"', f'"127.0.0.1:{self.http.get(name, 0)}"')
        path = self.work / f"{name}.yaml"
        path.write_text(text)
        return path

    def prepare(self):
        command = [self.leasehold, "init", "--config", self._config("prepare")]
        done = subprocess.run(command, env={**os.environ, "CANDIDATE": "prepare"}, capture_output=True, text=True,
                              timeout=LIMIT, check=False)
        return done.returncode, done.stdout + done.stderr

    def start(self, name):
        self._start(name, [self.leasehold, "run", "--config", self._config(name)], CANDIDATE=name,
                    CONTROL_SOCKET=str(self.work / f"{name}.sock"))

    def leader(self, asked):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http[asked]}/", timeout=5) as answer:
                return json.load(answer)["name"]
        except OSError:
            return ""

    def log(self, name):
        return (self.work / f"{name}.log").read_text(errors="replace")

    def end(self, name, number):
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(LIMIT)

    def close(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def play(running):
    eventually("the cluster answers", lambda: running.prepare()[0] == 0)
    status, said = running.prepare()  # as a second `docker compose up` does
    assert status == 0, said
    names = list(running.example.candidates)
    for name in names:
        running.start(name)
    first = eventually("somebody leads", lambda: running.leader(names[0]))
    eventually("its program runs", lambda: f"{first} begins" in running.log(first))
    # Whoever is healthy in the eyes of Docker.
    for name in names:
        command = [running.leasehold, "status", "--socket", running.work / f"{name}.sock"]
        eventually(f"{name} is healthy",
                   lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0)
    running.end(next(iter(running.example.members)), signal.SIGKILL)  # a third of the cluster
    assert running.end(first, signal.SIGTERM) == 0, running.log(first)
    assert f"{first} ends" in running.log(first)
    rest = [name for name in names if name != first]
    second = eventually("another one leads",
                        lambda: next((it for it in rest if f"{it} begins" in running.log(it)), None))
    eventually("all say so", lambda: all(running.leader(it) == second for it in rest))


def main():
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("PyYAML is not installed (python3-yaml)")
        return 77
    leasehold, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    example = Example(yaml, folder)
    shown = subprocess.run([leasehold, "config", "--config", folder / "leasehold.yaml"], check=True, text=True,
                           capture_output=True, env={**os.environ, "CANDIDATE": "x"}).stdout
    timing = {"renew_deadline": seconds(yaml.safe_load(shown)["election"]["renew_deadline"])}
    check_members(example)
    check_candidates(example, leasehold, timing)
    etcd = cache_folder("kubernetes") / "etcd"
    if not os.access(etcd, os.X_OK):
        print("what the file says fits together; no etcd to try it with: run tests/servers/build-kubernetes")
        return 0
    with tempfile.TemporaryDirectory() as work:
        running = Running(example, leasehold, etcd, work)
        try:
            play(running)
        finally:
            running.close()
    print("it fits together, and does what it should")
    return 0


if __name__ == "__main__":
    sys.exit(main())
