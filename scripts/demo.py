# SPDX-License-Identifier: Apache-2.0
"""The demonstration itself; scripts/demo builds what it needs and starts it.

    demo.py LEASEHOLD
"""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PATIENCE = 60  # seconds until something that should happen soon counts as failed
NAMES = ("alpha", "beta", "gamma")

CONFIG = """\
identity: {name}
election:
  name: demo
  lease_duration: 5s
  renew_deadline: 3500ms
  retry_period: 700ms
  store:
    file: {{path: "{folder}/demo.lease"}}
workload:
  command: ["{folder}/redis-server", --port, "{redis_port}", --bind, 127.0.0.1, --dir, "{folder}/data",
            --logfile, redis.log, --appendonly, "yes", --save, ""]
http: {{listen: ["127.0.0.1:{http_port}"]}}
"""


def title(text):
    print(f"\n== {text}", flush=True)


def tell(text):
    for line in text.rstrip("\n").splitlines():
        print(f"   {line}", flush=True)


class Failure(Exception):
    """Something did not happen as it should; the text says what."""


def fail(text):
    raise Failure(text)


def wait_for(what, condition):
    """Returns the first result of condition() that is not false."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if result := condition():
            return result
        time.sleep(0.02)
    fail(f"waited {PATIENCE} s for {what}")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return None  # it has ended


def family_of(guardian):
    """The guardian, and its children: supervisor and agent."""
    return [guardian, *(int(pid) for pid in os.listdir("/proc") if pid.isdigit() and parent_of(pid) == guardian)]


class Candidate:
    def __init__(self, program, folder, name, http_port, redis_port):
        self.program = program
        self.name = name
        self.port = http_port
        self.config = os.path.join(folder, f"{name}.yaml")
        self.log_path = os.path.join(folder, f"{name}.log")
        self.process = None
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(name=name, folder=folder, redis_port=redis_port, http_port=http_port))

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "run", "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def get(self, path):
        """(status, text) of an answer; (None, "") when there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None, ""

    def status(self):
        code, text = self.get("/status")
        return json.loads(text) if code == 200 else {}

    def metric(self, name):
        lines = self.get("/metrics")[1].splitlines()
        return float(next(line.split()[-1] for line in lines if line.split()[0] == name))

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def leads(self):
        return self.get("/leader")[0] == 200 and self.status()["workload"]["state"] == "running"

    def end(self):
        """For the clean-up: asks it to stop, and makes sure of it."""
        if not self.runs():
            return
        family = family_of(self.process.pid)
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            for pid in reversed(family):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()


class Demo:
    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.folder = tempfile.mkdtemp(prefix="leasehold-demo-")
        os.mkdir(os.path.join(self.folder, "data"))
        # Debian's Redis server is one file with several names; under this one it is the server.
        os.symlink(shutil.which("redis-check-rdb"), os.path.join(self.folder, "redis-server"))
        self.redis_port, *ports = free_ports(1 + len(NAMES))
        self.candidates = [
            Candidate(self.program, self.folder, name, port, self.redis_port) for name, port in zip(NAMES, ports)
        ]

    def clean_up(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        title("Cleaning up: ending the candidates, deleting the folder")
        for candidate in self.candidates:
            candidate.end()
        shutil.rmtree(self.folder)

    def show_logs(self):
        for candidate in self.candidates:
            if os.path.exists(candidate.log_path):
                print(f"--- the end of {candidate.name}'s log:")
                with open(candidate.log_path, encoding="utf-8", errors="replace") as file:
                    print("".join(file.readlines()[-25:]))

    # ---- Redis ------------------------------------------------------------------------------------------------------

    def redis(self, *command):
        tell(f"$ redis-cli -p {self.redis_port} {' '.join(command)}")
        said = subprocess.run(
            ["redis-cli", "-p", str(self.redis_port), *command], check=True, capture_output=True, text=True
        ).stdout.strip()
        tell(said)
        return said

    def redis_answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.redis_port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    # ---- acts -------------------------------------------------------------------------------------------------------

    def leader(self):
        leaders = [candidate for candidate in self.candidates if candidate.runs() and candidate.leads()]
        if len(leaders) > 1:
            fail("more than one candidate says that it leads")
        return leaders[0] if leaders else None

    def show_roles(self):
        for candidate in self.candidates:
            code, _ = candidate.get("/leader")
            status = candidate.status()
            if not status:
                tell(f"{candidate.name:6} does not run")
                continue
            workload = status["workload"]
            process = f", Redis is process {workload['pid']}" if workload["pid"] else ""
            tell(f"{candidate.name:6} /leader answers {code}, /status says: {status['role']}{process}")

    def command(self, *arguments):
        tell(f"$ leasehold {' '.join(arguments)}")
        tell(subprocess.run([self.program, *arguments], check=True, capture_output=True, text=True).stdout)

    def start(self):
        title("A program that knows nothing of clusters: Redis, with one data folder and one port")
        tell("Two of it at a time would spoil the data. Three candidates are to run it, one at a time.")
        tell(f"Their files are in {self.folder} while this goes on. This is the first one's configuration:\n ")
        with open(self.candidates[0].config, encoding="utf-8") as file:
            tell(file.read())
        title("What these timings mean, and making the lease file ahead of the first start")
        self.command("check", "--config", self.candidates[0].config)
        self.command("init", "--config", self.candidates[0].config)
        title("Starting three candidates: leasehold run --config ...")
        for candidate in self.candidates:
            candidate.start()
        wait_for("a leader", self.leader)
        wait_for("all to answer", lambda: all(each.get("/readyz")[0] == 200 for each in self.candidates))
        self.show_roles()
        title("Talking to the real server")
        wait_for("Redis", self.redis_answers)
        self.redis("SET", "greeting", "hello")
        self.redis("INCR", "visits")

    def take_over(self, old, end_it):
        """Ends the leader by end_it() and times how long nobody ran. Returns its successor."""
        old_redis = old.status()["workload"]["pid"]
        with os.fdopen(os.pidfd_open(old_redis)) as ending:
            end_it()
            if not select.select([ending], [], [], PATIENCE)[0]:
                fail("the old Redis does not end")
            gone, gone_at = time.monotonic(), time.time()
        while not self.redis_answers():
            if time.monotonic() > gone + PATIENCE:
                fail("no successor's Redis answers")
            time.sleep(0.0005)
        answered = time.monotonic() - gone
        successor = wait_for("a successor", self.leader)
        if successor is old:
            fail("the leader that was ended leads again")
        started = successor.metric("leasehold_workload_start_timestamp_seconds") - gone_at
        tell(f"{successor.name} took over. After the old Redis was gone, the new one was started within "
             f"{started * 1000:.0f} ms\nand answered within {answered * 1000:.0f} ms.")  # fmt: skip
        self.redis("GET", "greeting")
        self.redis("INCR", "visits")
        return successor

    def stop_cleanly(self, leader):
        title(f"A clean stop: SIGTERM to {leader.name}")
        tell("It stops its Redis, proves that nothing of it is left, and gives the lease up.")
        self.take_over(leader, leader.process.terminate)
        tell(f"{leader.name} ended with status {leader.process.wait(PATIENCE)}; starting it again")
        leader.start()
        wait_for("it to be back", lambda: leader.get("/readyz")[0] == 200)
        self.show_roles()

    def crash(self, leader):
        title(f"A crash: SIGKILL to all three processes of {leader.name} at once")
        tell("Nobody is left to give the lease up, so the others have to wait until it has run out (5 s at most).")
        family = family_of(leader.process.pid)

        def kill_all():
            for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: none sees another one die
                for pid in family:
                    os.kill(pid, number)

        successor = self.take_over(leader, kill_all)
        leader.process.wait()
        self.show_roles()
        tell(f"Starting {leader.name} again:")
        leader.start()
        wait_for("it to be back", lambda: leader.get("/readyz")[0] == 200)
        self.show_roles()
        return successor

    def read_endpoints(self, leader):
        title(f"What {leader.name} tells monitoring")
        tell("$ curl '.../healthz?verbose'")
        code, text = leader.get("/healthz?verbose")
        tell(text)
        if code != 200:
            fail(f"/healthz answers {code}")
        tell("\n$ curl .../metrics   (some of it)")
        wanted = (
            "leader_election_master_status",
            "leasehold_leader_acquisitions_total",
            "leasehold_lease_transitions",
            "leasehold_lease_renewals_total",
            "leasehold_workload_starts_total",
        )
        lines = [line for line in leader.get("/metrics")[1].splitlines() if line.startswith(wanted)]
        tell("\n".join(lines))
        if len(lines) < len(wanted):
            fail("/metrics lacks some of what it should have")
        tell("\nThe last lines of its log:")
        with open(leader.log_path, encoding="utf-8", errors="replace") as file:
            tell("".join(file.readlines()[-6:]))

    def run(self):
        self.start()
        self.stop_cleanly(self.leader())
        self.read_endpoints(self.crash(self.leader()))


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    demo = Demo(sys.argv[1])
    try:
        demo.run()
    except Exception:
        demo.show_logs()
        raise
    finally:
        demo.clean_up()
    if demo.redis_answers():
        fail("a Redis is still running")
    title("Done: never two at a time, and the data went on from one to the next")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("demo: interrupted")
    except Failure as failure:
        sys.exit(f"demo: {failure}")
