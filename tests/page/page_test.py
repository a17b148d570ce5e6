# SPDX-License-Identifier: Apache-2.0
"""The status page in headless Chromium, served by real candidates.

    page_test.py LEASEHOLD [FOLDER]

With a folder, screenshots are left there. One browser for all; 77 when it is not installed.
"""

import base64
import os
import sys
import tempfile

import browser
from candidates import Candidate, eventually

LEADER = "billing-7f9c4-xk2lp"
HOSTILE = "billing <i>&amp;</i> \"m8q4z\""
TOKEN = "a-token-of-the-test"

HIDE = """
Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true});
document.dispatchEvent(new Event('visibilitychange'));
return performance.getEntriesByType('resource').length;
"""


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def shows(tab, selector, text):
    eventually(f"'{text}' in {selector}: '{tab.text(selector)}'", lambda: text in tab.text(selector))


def open_page(tab, candidate):
    tab.open(candidate.url())
    eventually("the first answer", lambda: tab.text("#live-text") == "live")


def stays_at_home(tab, candidate):
    """Nothing was asked for elsewhere, and the console has nothing to say."""
    home = candidate.url("")
    asked = [url for url in tab.requests() if not url.startswith("data:")]
    expect(asked and all(url.startswith(home + "/") for url in asked), f"left {home}: {asked}")
    expect(not tab.messages(), "the console has something to say")


def fits_a_phone(tab):
    tab.screen(360, 740, phone=True)
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"
    expect(tab.run(wide) == 0, "it scrolls sideways at 360 px")
    expect(tab.run("return innerWidth;") == 360, "the viewport is not that of the device")


def is_dark(tab):
    color = tab.run("return getComputedStyle(document.body).backgroundColor;")
    return sum(int(part) for part in color.strip("rgb()").split(",")[:3]) < 3 * 80


def keep_screenshots(tab, folder, name):
    if not folder:
        return
    for scheme, width in (("light", 1100), ("dark", 1100), ("phone", 360)):
        tab.screen(width, 740, phone=scheme == "phone")
        tab.scheme("dark" if scheme == "dark" else "light")
        with open(os.path.join(folder, f"{name}-{scheme}.png"), "wb") as file:
            file.write(base64.b64decode(tab.screenshot()))
    tab.scheme("light")
    tab.screen(1100, 740)


def check_leader(tab, leader, folder):
    open_page(tab, leader)
    expect(tab.text("#headline") == LEADER, tab.text("#headline"))
    expect(tab.text("#eyebrow") == "This candidate leads", tab.text("#eyebrow"))
    for text in ("since ", "running", "acquired the lease", "started the workload"):
        expect(text in tab.text(), f"no '{text}' in {tab.text()}")
    seen = set()

    def moves():
        seen.add((tab.text("#lease-text"), tab.run("return document.getElementById('lease').value;")))
        return len(seen) >= 4

    eventually("the countdown moves", moves)
    expect(all(text.endswith(" s") and 0 <= value <= 6 for text, value in seen), seen)
    stays_at_home(tab, leader)
    keep_screenshots(tab, folder, "leader")
    tab.scheme("light")
    expect(not is_dark(tab), "light is dark")
    tab.scheme("dark")
    expect(is_dark(tab), "dark is light")
    tab.scheme("light")
    fits_a_phone(tab)


def check_without_scripts(tab, leader):
    tab.scripts(False)
    tab.open(leader.url())
    for text in (LEADER, "This candidate leads", "as of when it was loaded", "acquired the lease"):
        shows(tab, "body", text)
    expect(tab.run("return document.querySelector('noscript meta') !== null;"), "it is not loaded anew by itself")
    tab.scripts(True)
    stays_at_home(tab, leader)


def check_standby(tab, standby, folder):
    open_page(tab, standby)
    expect(tab.text("#headline") == LEADER, tab.text("#headline"))
    expect(tab.text("#eyebrow") == "Another candidate leads", tab.text("#eyebrow"))
    expect(HOSTILE in tab.text("main"), "the identity is not shown as it is")
    expect(tab.run("return document.querySelectorAll('i').length;") == 0, "data became an element")
    stays_at_home(tab, standby)
    keep_screenshots(tab, folder, "standby")
    fits_a_phone(tab)


def check_hidden(tab):
    """A tab that nobody sees asks nothing; two questions may have been under way."""
    before = tab.run(HIDE, True)
    elapsed = "return performance.now();"
    begin = tab.run(elapsed)
    eventually("three periods", lambda: tab.run(elapsed) - begin > 3000)
    asked = "return performance.getEntriesByType('resource').length;"
    expect(tab.run(asked) - before <= 2, "it goes on asking while it is hidden")
    before = tab.run(HIDE, False)
    eventually("it asks again", lambda: tab.run(asked) > before)


def check_failover(tab, leader, standby, folder):
    """The tab shows the standby all the time, and is never loaded anew."""
    tab.run("window.marked = true;")
    leader.kill()
    shows(tab, "#eyebrow", "This candidate leads")
    expect(tab.text("#headline") == HOSTILE, tab.text("#headline"))
    expect(tab.run("return document.documentElement.dataset.state;") == "leading", "the colour has not changed")
    expect(not tab.messages(), "the console has something to say")
    standby.end()
    shows(tab, "#trouble", "does not answer")
    shows(tab, "#live-text", "no answer for")
    shows(tab, "#eyebrow", "Said last: ")
    expect(tab.run("return window.marked === true;"), "it was loaded anew")
    keep_screenshots(tab, folder, "lost")


def check_protected(tab, candidate, folder):
    tab.open(candidate.url())
    shows(tab, "#headline", "protected-1")
    shows(tab, "#locked", "Details are protected")
    for secret in ("test-locked", "started the workload", "running"):
        expect(secret not in tab.text(), f"'{secret}' is shown without the token")
    enter = "const t = document.getElementById('token'); t.value = arguments[0]; t.form.requestSubmit();"
    tab.run(enter, "not-this-one")
    shows(tab, "#refused", "not the token")
    expect("started the workload" not in tab.text(), "it is shown for any token")
    keep_screenshots(tab, folder, "protected")
    tab.run(enter, TOKEN)
    shows(tab, "main", "started the workload")
    expect(tab.run("return document.getElementById('locked').hidden;"), "the form is still there")
    tab.open(candidate.url())
    shows(tab, "main", "started the workload")  # the tab still has the token


def main(program, folder=None):
    lacking = browser.missing()
    if lacking:
        print("not installed:", ", ".join(lacking))
        return 77
    with tempfile.TemporaryDirectory(prefix="leasehold-page-") as here, browser.Browser() as tab:
        token_file = os.path.join(here, "token")
        with open(token_file, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(TOKEN + "\n")
        protected = Candidate(program, here, "protected-1", "test-locked", f", token_file: {token_file}")
        with protected, Candidate(program, here, LEADER) as leader:
            eventually("the first leads", leader.leads)
            with Candidate(program, here, HOSTILE) as standby:
                tab.open("about:blank")
                tab.requests()
                tab.messages()
                tab.screen(1100, 740)
                check_leader(tab, leader, folder)
                check_without_scripts(tab, leader)
                check_standby(tab, standby, folder)
                check_hidden(tab)
                check_failover(tab, leader, standby, folder)
            check_protected(tab, protected, folder)
    print("the page is as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
