# SPDX-License-Identifier: Apache-2.0
"""TLS and the bearer token of real candidates: what is open, what is not, what is refused, and what comes of new files.

    protected_test.py LEASEHOLD
"""

import gzip
import http.client
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.parse

from candidates import LIMIT, Candidate, eventually

TOKEN = "first-token-of-the-test"
NEXT_TOKEN = "second-token-of-the-test"


def write(path, text, mode=0o600):
    """In one step, as whoever rotates them does."""
    with open(path + ".new", "w", encoding="ascii", opener=lambda p, f: os.open(p, f, mode)) as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def make_certificate(folder, name):
    """Self-signed: the files of a certificate and its key."""
    files = [os.path.join(folder, f"{name}.{end}") for end in ("crt", "key")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-subj", "/CN=a test", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
        check=True,
        capture_output=True,
        timeout=LIMIT,
    )
    return files


class Site:
    """The endpoints of a candidate, for a client that trusts one certificate."""

    def __init__(self, candidate, trusted):
        self._address = urllib.parse.urlsplit(candidate.url("")).netloc
        self._trusted = trusted

    def ask(self, path, token=None, **headers):
        """Status, headers and body; raises OSError when there is no answer."""
        trust = ssl.create_default_context(cafile=self._trusted)
        connection = http.client.HTTPSConnection(self._address, timeout=LIMIT, context=trust)
        try:
            bearer = {"Authorization": "Bearer " + token} if token else {}
            connection.request("GET", path, headers={**bearer, **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def status(self, path, token=None):
        try:
            return self.ask(path, token)[0]
        except (OSError, http.client.HTTPException):
            return 0


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def check_paths(site):
    for path in ("/", "/healthz", "/livez", "/readyz", "/leader"):
        expect(site.status(path) == 200, path)
    for path in ("/metrics", "/status"):
        status, headers, body = site.ask(path)
        expect(status == 401 and headers["WWW-Authenticate"].startswith("Bearer"), path)
        expect(b"protected-2" not in body, path)
        expect(site.status(path, "wrong") == 401, path)
        status, headers, packed = site.ask(path, TOKEN, **{"Accept-Encoding": "gzip"})
        expect(status == 200 and headers["Content-Encoding"] == "gzip", path)
        expect(b"test-protected" in gzip.decompress(packed), path)
    page = site.ask("/", Accept="text/html")
    expect(b"Details are protected" in page[2] and b"test-protected" not in page[2], "the page")
    expect("default-src 'none'" in page[1]["Content-Security-Policy"], "the page's policy")


def check_rotation(candidate, site, token_file, tls, second):
    """Without a new start; what will not do changes nothing."""
    write(token_file, NEXT_TOKEN + "\n")
    eventually("the new token counts", lambda: site.status("/status", NEXT_TOKEN) == 200)
    expect(site.status("/status", TOKEN) == 401, "the old token still counts")
    write(token_file, "\n")
    eventually("it is told", lambda: site.status("/livez") == 200 and site.status("/status", NEXT_TOKEN) == 200
               and re.search(r"http\.token_file: .* is empty", candidate.log()))
    renewed = Site(candidate, second[0])
    write(tls[1], read(second[1]))
    eventually("they do not fit", lambda: site.status("/livez") == 200 and "do not match" in candidate.log())
    write(tls[0], read(second[0]))
    eventually("the new certificate is shown", lambda: renewed.status("/livez") == 200)
    expect(site.status("/livez") == 0, "the old certificate is still shown")
    return renewed


def check_new_agent(candidate, site, tls, workload):
    """An agent that finds no key serves nobody, and the workload never notices."""
    key = read(tls[1])
    os.unlink(tls[1])
    agent = eventually("the agent's process", lambda: candidate.child("leasehold-agent"))
    os.kill(agent, signal.SIGKILL)
    eventually("another agent", lambda: candidate.child("leasehold-agent") not in (None, agent))
    # It looks for the files once somebody asks it.
    eventually("it is told", lambda: site.status("/livez") == 0 and candidate.log().count("http.tls.key_file: ") > 0)
    os.kill(workload, 0)  # raises unless it is there
    write(tls[1], key)
    eventually("it serves again", lambda: site.status("/leader") == 200)
    os.kill(workload, 0)


def outcome(program, command, config):
    done = subprocess.run(
        [program, *command, "--config", config], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    return done.returncode, done.stdout + done.stderr


def check_refusals(program, here, tls, second):
    config = os.path.join(here, "refused.yaml")
    token = os.path.join(here, "other-token")
    write(token, TOKEN)
    encrypted = os.path.join(here, "encrypted.key")
    write(encrypted, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n")
    write(os.path.join(here, "empty"), " \n")
    missing = os.path.join(here, "missing")
    pair = "tls: {{cert_file: {}, key_file: {}}}".format
    for http_keys, reason in (
        (f"token_file: {here}/empty", r"http\.token_file: .*/empty is empty"),
        (f"token_file: {missing}", r"http\.token_file: cannot open .*/missing: No such file"),
        (f"token_file: {here}", r"http\.token_file: .* is a folder"),
        (pair(missing, tls[1]), r"http\.tls\.cert_file: cannot open .*/missing: No such file"),
        (pair(tls[1], tls[1]), r"http\.tls\.cert_file: .* holds no certificate"),
        (pair(tls[0], tls[0]), r"http\.tls\.key_file: .* holds no private key"),
        (pair(tls[0], encrypted), r"http\.tls\.key_file: .* is encrypted"),
        (pair(tls[0], second[1]), r"of http\.tls cannot be used together: .*do not match"),
    ):
        write(
            config,
            f"election: {{name: test-refused, store: {{file: {{path: {here}/refused.lease}}}}}}\n"
            f'workload: {{command: [sleep, "1000"]}}\nhttp: {{listen: ["127.0.0.1:0"], {http_keys}}}\n',
        )
        for command in (["check", "--probe"], ["run"]):
            status, text = outcome(program, command, config)
            expect(status == 125, f"{command} {http_keys}: {status} {text}")
            said = [line for line in text.splitlines() if re.search(reason, line)]
            expect(len(said) == 1, f"{command} {http_keys}: {text}")
    write(config, read(config).replace(second[1], tls[1]).replace("tls:", f"token_file: {token}, tls:"))
    os.chmod(token, 0o644)
    status, text = outcome(program, ["check", "--probe"], config)
    expect(status == 0 and re.search(r"http\.token_file: .* can be read by everybody", text), text)
    expect(TOKEN not in text, "the token is shown")


def main(program):
    with tempfile.TemporaryDirectory(prefix="leasehold-protected-") as here:
        tls = make_certificate(here, "first")
        second = make_certificate(here, "second")
        check_refusals(program, here, tls, second)
        trusted = os.path.join(here, "trusted.crt")
        write(trusted, read(tls[0]))
        token_file = os.path.join(here, "token")
        write(token_file, TOKEN + "\n")
        keys = f", token_file: {token_file}, tls: {{cert_file: {tls[0]}, key_file: {tls[1]}}}"
        with Candidate(program, here, "protected-2", "test-protected", keys, "https") as candidate:
            site = Site(candidate, trusted)
            eventually("it leads", lambda: site.status("/leader") == 200)
            starts = r"started the workload, process (\d+)"
            started = eventually("the workload", lambda: re.search(starts, candidate.log()))
            check_paths(site)
            site = check_rotation(candidate, site, token_file, tls, second)
            check_new_agent(candidate, site, tls, int(started.group(1)))
            expect(TOKEN not in candidate.log() and NEXT_TOKEN not in candidate.log(), "a token is in the log")
    print("protected as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
