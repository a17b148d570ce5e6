# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, by the WebDriver protocol of chromedriver and by what Chromium adds to it."""

import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile

from candidates import LIMIT, eventually

_ARGUMENTS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --ignore-certificate-errors "
    "--disable-features=Translate,MediaRouter,OptimizationHints --no-proxy-server --force-color-profile=srgb"
).split()


def missing():
    """What is not installed, in words; nothing when all is there."""
    return [name for name in ("chromium", "chromedriver") if not shutil.which(name)]


class Browser:
    """One tab. To be used in a `with`; everything that it started has ended afterwards."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="leasehold-browser-")
        self._driver = None
        self._session = None

    def __enter__(self):
        log = os.path.join(self._folder.name, "driver.log")
        with open(log, "wb") as output:
            self._driver = subprocess.Popen(
                ["chromedriver", "--port=0"], stdout=output, stderr=output, start_new_session=True
            )
        try:
            self._port = eventually("chromedriver listens", lambda: self._port_of(log))
            profile = os.path.join(self._folder.name, "profile")
            options = {"args": [*_ARGUMENTS, f"--user-data-dir={profile}"], "binary": shutil.which("chromium")}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
            self._session = self._call("POST", "", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._session:
            try:
                self._call("DELETE", "")
            except (OSError, AssertionError, http.client.HTTPException):
                pass  # it is killed in any case
        self._driver.kill()
        self._driver.wait()
        self._folder.cleanup()

    @staticmethod
    def _port_of(log):
        with open(log, encoding="utf-8", errors="replace") as text:
            match = re.search(r"started successfully on port (\d+)", text.read())
        return int(match.group(1)) if match else None

    def _call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2 * LIMIT)
        try:
            session = f"/{self._session}" if self._session else ""
            text = None if method == "DELETE" else json.dumps(body or {}) if method == "POST" else None
            connection.request(method, f"/session{session}{path}", text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
        finally:
            connection.close()
        if answer.status != 200:
            raise AssertionError(f"{method} {path}: {value.get('message', value)}")
        return value

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """The value that the script returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector="body"):
        return self.run("const e = document.querySelector(arguments[0]); return e ? e.innerText : '';", selector)

    def devtools(self, command, **parameters):
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def screen(self, width, height, phone=False):
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )

    def scheme(self, name):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def scripts(self, enabled):
        self.devtools("Emulation.setScriptExecutionDisabled", value=not enabled)

    def screenshot(self):
        """PNG of the whole page, as base64."""
        return self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]

    def messages(self):
        """What the console has said since the last call."""
        return self._call("POST", "/se/log", {"type": "browser"})

    def requests(self):
        """The URLs that were asked for since the last call."""
        urls = []
        for entry in self._call("POST", "/se/log", {"type": "performance"}):
            event = json.loads(entry["message"])["message"]
            if event["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                urls.append(event["params"].get("request", event["params"])["url"])
        return urls
