# SPDX-License-Identifier: Apache-2.0
"""Shows that alerts.py finds what it is there to find: each case damages one thing in a copy of the real files.

    alerts_test.py ROOT
"""

import os
import shutil
import sys
import tempfile
import unittest

import alerts

ROOT = sys.argv.pop()
PAGE = "docs/runbooks/LeaseholdNoLeader.md"
LEADERSHIP = "tests/prometheus/leadership.yaml"


class AlertsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        for part in ("deploy/prometheus", "deploy/kubernetes", "docs/runbooks"):
            shutil.copytree(os.path.join(ROOT, part), os.path.join(self.root, part))
        os.makedirs(os.path.join(self.root, alerts.CASES))
        for name in os.listdir(os.path.join(ROOT, alerts.CASES)):
            if name.endswith(".yaml"):
                shutil.copy(os.path.join(ROOT, alerts.CASES, name), os.path.join(self.root, alerts.CASES))

    def damage(self, path, old, new):
        text = alerts.read(self.root, path)
        self.assertIn(old, text)
        with open(os.path.join(self.root, path), "w", encoding="utf-8") as file:
            file.write(text.replace(old, new, 1))
        if path == alerts.RULES:  # which is not what the case is about
            with open(os.path.join(self.root, alerts.OBJECT), "w", encoding="utf-8") as file:
                file.write(alerts.rule_object(alerts.read(self.root, path)))

    def assert_one(self, *parts):
        problems = alerts.check(self.root)
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])

    def test_passes_what_is_there(self):
        self.assertEqual(alerts.check(self.root), [])

    def test_finds_a_missing_annotation(self):
        self.damage(alerts.RULES, "summary: Nobody leads", "title: Nobody leads")
        self.assert_one("LeaseholdNoLeader", "summary")

    def test_finds_a_missing_severity(self):
        self.damage(alerts.RULES, "severity: critical", "severity: high")
        self.assert_one("LeaseholdNoLeader", "severity")

    def test_finds_a_label_that_the_result_does_not_have(self):
        self.damage(alerts.RULES, "{{ $labels.name }}", "{{ $labels.instance }}")
        self.assert_one("LeaseholdNoLeader", "no label instance")

    def test_finds_a_wrong_runbook(self):
        self.damage(alerts.RULES, "runbook_url: " + PAGE, "runbook_url: docs/runbooks/Other.md")
        self.assert_one("runbook_url is not " + PAGE)

    def test_finds_a_missing_page(self):
        os.remove(os.path.join(self.root, PAGE))
        self.assert_one(PAGE, "does not exist")

    def test_finds_a_page_without_advice(self):
        text = alerts.read(self.root, PAGE)
        self.damage(PAGE, text[text.index("## What to do") :], "## What to do\n\nThink.\n")
        self.assert_one(PAGE, "## What to do")

    def test_finds_a_page_of_no_alert(self):
        shutil.copy(os.path.join(self.root, PAGE), os.path.join(self.root, "docs/runbooks/Gone.md"))
        self.assert_one("Gone", "no such alert")

    def test_finds_an_alert_that_is_never_seen_to_fire(self):
        self.damage(LEADERSHIP, "LeaseholdNoLeader fires: the", "LeaseholdNoLeader: the")
        problems = alerts.check(self.root)
        self.assertIn("LeaseholdNoLeader: no case in which it fires", problems)
        self.assertEqual(len(problems), 2)

    def test_finds_an_alert_that_is_never_seen_silent(self):
        text = alerts.read(self.root, "tests/prometheus/candidates.yaml")
        case = text[text.index('  - name: "LeaseholdPaused is silent') :].split("\n\n")[0]
        self.damage("tests/prometheus/candidates.yaml", case, "")
        self.assert_one("LeaseholdPaused: no case in which it is silent")

    def test_finds_a_case_that_expects_the_contrary(self):
        self.damage(LEADERSHIP, "exp_samples: [{labels: '{}', value: 1}]", "exp_samples: []")
        problems = alerts.check(self.root)
        self.assertIn("expects the contrary", problems[0])

    def test_finds_a_case_that_asks_for_another_alert(self):
        self.damage(LEADERSHIP, 'alertname="LeaseholdMoreThanOneLeader"', 'alertname="LeaseholdNoLeader"')
        self.assert_one("does not ask for")

    def test_finds_an_object_with_other_rules(self):
        self.damage(alerts.OBJECT, "for: 1m", "for: 2m")
        self.assert_one(alerts.OBJECT, "--write")

    def test_finds_a_monitor_of_other_pods(self):
        self.damage(alerts.MONITOR, "matchLabels: {app.kubernetes.io/name: billing}", "matchLabels: {app: other}")
        self.assert_one(alerts.MONITOR, "does not select")
        self.damage(alerts.MONITOR, "port: leasehold", "port: metrics")
        self.assertEqual(len(alerts.check(self.root)), 2)


if __name__ == "__main__":
    unittest.main()
