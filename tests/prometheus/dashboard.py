# SPDX-License-Identifier: Apache-2.0
"""Checks that the dashboard is one that Grafana shows as it is meant.

    dashboard.py DASHBOARD CATALOGUE

Whether its queries have answers is asked of a real Prometheus, by prometheus_test.
"""

import itertools
import json
import re
import sys

COLUMNS = 24
VARIABLES = ["datasource", "namespace", "job", "election"]
METRIC = re.compile(r"\b(?:leasehold|leader_election|process)_[a-z_]+[a-z]\b")


def _overlap(one, other):
    apart = (
        one["x"] + one["w"] <= other["x"]
        or other["x"] + other["w"] <= one["x"]
        or one["y"] + one["h"] <= other["y"]
        or other["y"] + other["h"] <= one["y"]
    )
    return not apart


def _check_panel(panel):
    title = panel.get("title")
    if not title:
        yield f"panel {panel['id']} has no title"
    position = panel["gridPos"]
    if position["x"] < 0 or position["w"] < 1 or position["h"] < 1 or position["x"] + position["w"] > COLUMNS:
        yield f"'{title}' is not within the {COLUMNS} columns"
    if panel["type"] == "row":
        return
    targets = panel.get("targets", [])
    if not targets:
        yield f"'{title}' asks for nothing"
    if len({target["refId"] for target in targets}) != len(targets):
        yield f"'{title}' gives two queries one refId"
    for target in targets:
        if target["datasource"]["uid"] != "${datasource}":
            yield f"'{title}' asks another data source than the one that was chosen"
        if not all(f"${name}" in target["expr"] for name in VARIABLES[1:]):
            yield f"'{title}' does not keep to what was chosen: {target['expr']}"


def check(dashboard, known):
    """`known` are the names of the metrics that there are."""
    problems = []
    if dashboard.get("schemaVersion", 0) < 36 or not dashboard.get("uid") or not dashboard.get("title"):
        problems.append("there is no schemaVersion of today, uid or title")
    if "id" in dashboard:
        problems.append("it has an id, which is that of one installation")
    if [variable["name"] for variable in dashboard["templating"]["list"]] != VARIABLES:
        problems.append(f"the variables are not {', '.join(VARIABLES)}")
    panels = dashboard["panels"]
    if len({panel["id"] for panel in panels}) != len(panels):
        problems.append("two panels have one id")
    for panel in panels:
        problems += _check_panel(panel)
    for one, other in itertools.combinations(panels, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            problems.append(f"'{one.get('title')}' and '{other.get('title')}' overlap")
    named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in METRIC.findall(json.dumps(dashboard))}
    problems += [f"the metric {name} does not exist" for name in sorted(named - known)]
    return problems


def main():
    dashboard, catalogue = sys.argv[1:]
    with open(catalogue, encoding="utf-8") as file:
        known = set(re.findall(r'"([a-z_]+)"', file.read()))
    with open(dashboard, encoding="utf-8") as file:
        problems = check(json.load(file), known)
    print("\n".join(problems) or "nothing is wrong with the dashboard")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
