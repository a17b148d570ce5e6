# SPDX-License-Identifier: Apache-2.0
"""Real candidates of the file store, for tests that look at what they serve."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request

LIMIT = 60  # seconds for what happens within a few on a machine that has time


def eventually(what, condition, limit=LIMIT):
    """Waits until the condition holds, and returns what it said then."""
    end = time.monotonic() + limit
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(0.05)


class Candidate:
    """`leasehold run` around a program that does nothing. To be used in a `with`, or ended with end()."""

    def __init__(self, program, folder, identity, election="test-page", http="", scheme="http"):
        self.identity = identity
        self._scheme = scheme
        name = re.sub(r"\W", "_", identity) + "-" + election
        config = os.path.join(folder, name + ".yaml")
        self._log = os.path.join(folder, name + ".log")
        with open(config, "w", encoding="utf-8") as file:
            file.write(
                f"identity: {json.dumps(identity)}\n"
                f"election: {{name: {election}, lease_duration: 6s, renew_deadline: 4s, retry_period: 500ms,\n"
                f"           store: {{file: {{path: {folder}/{election}.lease}}}}}}\n"
                'workload: {command: [sleep, "1000"]}\n'
                f'http: {{listen: ["127.0.0.1:0"]{http}}}\n'
            )
        with open(self._log, "wb") as output:
            self._process = subprocess.Popen(
                [program, "run", "--config", config], stdout=output, stderr=output, start_new_session=True
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def log(self):
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def url(self, path="/"):
        def port():
            if self._process.poll() is not None:
                raise AssertionError(f"{self.identity} has ended:\n{self.log()}")
            return re.search(r"serving https? on 127\.0\.0\.1:(\d+)", self.log())

        number = eventually(f"{self.identity} serves", port).group(1)
        return f"{self._scheme}://127.0.0.1:{number}{path}"

    def leads(self):
        with urllib.request.urlopen(self.url("/status"), timeout=LIMIT) as answer:
            return json.load(answer)["leading"]

    def end(self):
        """In order."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.kill()

    def _children(self):
        guardian = self._process.pid
        with open(f"/proc/{guardian}/task/{guardian}/children", encoding="ascii") as file:
            return [int(process) for process in file.read().split()]

    def child(self, name):
        """The guardian's child that is called so, up to the 15 characters that the kernel keeps."""
        for process in self._children():
            try:
                with open(f"/proc/{process}/comm", encoding="utf-8") as file:
                    if file.read().strip() == name[:15]:
                        return process
            except OSError:
                pass  # it has just ended
        return None

    def kill(self):
        """All of its processes at once; the workload dies with its parent."""
        processes = [self._process.pid, *self._children()]
        for process in processes:
            os.kill(process, signal.SIGSTOP)  # so that nobody sees another one go
        for process in processes:
            os.kill(process, signal.SIGKILL)
        self._process.wait(LIMIT)
