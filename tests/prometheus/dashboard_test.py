# SPDX-License-Identifier: Apache-2.0
"""Shows that dashboard.py finds what it is there to find.

    dashboard_test.py DASHBOARD
"""

import json
import re
import sys
import unittest

import dashboard

with open(sys.argv.pop(), encoding="utf-8") as real:
    TEXT = real.read()
KNOWN = {re.sub(r"_(bucket|sum|count)$", "", name) for name in dashboard.METRIC.findall(TEXT)}


class DashboardTest(unittest.TestCase):
    def setUp(self):
        self.subject = json.loads(TEXT)
        self.panels = [panel for panel in self.subject["panels"] if panel["type"] != "row"]

    def assert_finds(self, part):
        problems = dashboard.check(self.subject, KNOWN)
        self.assertTrue(any(part in problem for problem in problems), problems)

    def test_passes_what_is_there(self):
        self.assertEqual(dashboard.check(self.subject, KNOWN), [])

    def test_finds_panels_with_one_id(self):
        self.panels[1]["id"] = self.panels[0]["id"]
        self.assert_finds("two panels have one id")

    def test_finds_panels_that_overlap(self):
        self.panels[1]["gridPos"] = dict(self.panels[0]["gridPos"])
        self.assert_finds("overlap")

    def test_finds_a_panel_that_is_too_wide(self):
        self.panels[0]["gridPos"]["x"] = 23
        self.assert_finds("not within")

    def test_finds_a_panel_that_asks_for_nothing(self):
        self.panels[0]["targets"] = []
        self.assert_finds("asks for nothing")

    def test_finds_a_fixed_data_source(self):
        self.panels[0]["targets"][0]["datasource"]["uid"] = "prometheus-1"
        self.assert_finds("data source")

    def test_finds_a_query_that_ignores_a_choice(self):
        target = self.panels[0]["targets"][0]
        target["expr"] = target["expr"].replace("$election", ".*")
        self.assert_finds("does not keep to what was chosen")

    def test_finds_a_metric_that_does_not_exist(self):
        target = self.panels[0]["targets"][0]
        target["expr"] += " + leasehold_nothing_total"
        self.assert_finds("leasehold_nothing_total does not exist")

    def test_finds_a_missing_variable(self):
        self.subject["templating"]["list"].pop()
        self.assert_finds("the variables are not")

    def test_finds_an_old_schema(self):
        self.subject["schemaVersion"] = 16
        self.assert_finds("schemaVersion")


if __name__ == "__main__":
    unittest.main()
