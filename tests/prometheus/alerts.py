# SPDX-License-Identifier: Apache-2.0
"""Checks that the alerts are complete, tested, and the same for everybody.

    alerts.py ROOT [--write]

Every alert has its annotations, a runbook, and cases for `promtool test rules` in which it fires and in which it must
not. The object for the Prometheus operator holds the same rules; --write makes it anew.
"""

import os
import re
import sys

import yaml

RULES = "deploy/prometheus/leasehold.rules.yaml"
OBJECT = "deploy/kubernetes/components/monitoring/prometheusrule.yaml"
MONITOR = "deploy/kubernetes/components/monitoring/podmonitor.yaml"
DEPLOYMENT = "deploy/kubernetes/base/deployment.yaml"
CASES = "tests/prometheus"
RUNBOOKS = "docs/runbooks"
SECTIONS = ("## What it means", "## How to look", "## What to do")
LABEL = re.compile(r"\$labels\.(\w+)")
SEVERITIES = ("critical", "warning")
CASE_NAME = re.compile(r"(Leasehold\w+) (fires|is silent): .+")
FIRES = 'count(ALERTS{{alertname="{}", alertstate="firing"}})'
SILENT = 'count_over_time(ALERTS{{alertname="{}", alertstate="firing"}}[1d])'

HEAD = """# SPDX-License-Identifier: Apache-2.0
#
# deploy/prometheus/leasehold.rules.yaml as an object, made by tests/prometheus/alerts.py, which is also the test.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: leasehold
  labels: {app.kubernetes.io/name: leasehold}
spec:
"""


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def rule_object(rules):
    """The text of the object with these rules, without the comment in front of them."""
    body = rules[re.search("^groups:", rules, re.MULTILINE).start() :]
    return HEAD + "".join("  " + line if line.strip() else line for line in body.splitlines(True))


def alerts(root):
    groups = yaml.safe_load(read(root, RULES))["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def _check_alert(root, rule):
    name = rule["alert"]
    if not re.fullmatch(r"Leasehold[A-Z]\w+", name):
        yield f"{name}: is not called Leasehold..."
    if rule.get("labels", {}).get("severity") not in SEVERITIES:
        yield f"{name}: has no severity of {', '.join(SEVERITIES)}"
    annotations = rule.get("annotations", {})
    for key in ("summary", "description"):
        if len(annotations.get(key, "")) < 20:
            yield f"{name}: has no {key}"
    # What is said of a whole election has no instance.
    known = {"job", "name"} if "leasehold:election:" in rule["expr"] else {"job", "instance"}
    for label in sorted(set(LABEL.findall(str(annotations))) - known):
        yield f"{name}: its result has no label {label}"
    runbook = f"{RUNBOOKS}/{name}.md"
    if annotations.get("runbook_url") != runbook:
        yield f"{name}: its runbook_url is not {runbook}"
    if not os.path.exists(os.path.join(root, runbook)):
        yield f"{name}: {runbook} does not exist"
        return
    page = read(root, runbook)
    lines = page.splitlines()
    if lines[0] != f"# {name}":
        yield f"{runbook}: its title is not {name}"
    for section in SECTIONS:
        text = page.partition(section + "\n")[2].partition("\n## ")[0]
        if len(text.split()) < 10:
            yield f"{runbook}: says nothing under '{section}'"


def _check_case(path, case, seen):
    match = CASE_NAME.fullmatch(case.get("name", ""))
    if not match:
        yield f"{path}: '{case.get('name')}' is not named 'ALERT fires: ...' or 'ALERT is silent: ...'"
        return
    alert, kind = match.groups()
    expected = (FIRES if kind == "fires" else SILENT).format(alert)
    queries = case.get("promql_expr_test", [])
    if [query["expr"] for query in queries] != [expected] or not case.get("input_series"):
        yield f"{path}: '{case['name']}' does not ask for {expected}"
    elif bool(queries[0]["exp_samples"]) != (kind == "fires"):
        yield f"{path}: '{case['name']}' expects the contrary"
    else:
        seen.add((alert, kind))


def _check_monitor(root):
    monitor = yaml.safe_load(read(root, MONITOR))["spec"]
    pod = yaml.safe_load(read(root, DEPLOYMENT))["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    if not monitor["selector"]["matchLabels"].items() <= labels:
        yield f"{MONITOR}: does not select the pods of {DEPLOYMENT}"
    ports = {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", [])}
    for endpoint in monitor["podMetricsEndpoints"]:
        if endpoint["port"] not in ports:
            yield f"{MONITOR}: {DEPLOYMENT} has no port {endpoint['port']}"


def check(root):
    problems = []
    rules = alerts(root)
    names = [rule["alert"] for rule in rules]
    for rule in rules:
        problems += _check_alert(root, rule)
    seen = set()
    for name in sorted(os.listdir(os.path.join(root, CASES))):
        if name.endswith(".yaml"):
            for case in yaml.safe_load(read(root, f"{CASES}/{name}"))["tests"]:
                problems += _check_case(f"{CASES}/{name}", case, seen)
    for kind in ("fires", "is silent"):
        problems += [f"{name}: no case in which it {kind}" for name in names if (name, kind) not in seen]
    problems += [f"{CASES}: {alert} is no alert" for alert in sorted({alert for alert, _ in seen} - set(names))]
    pages = {name.removesuffix(".md") for name in os.listdir(os.path.join(root, RUNBOOKS))}
    problems += [f"{RUNBOOKS}/{page}.md: there is no such alert" for page in sorted(pages - set(names) - {"README"})]
    if read(root, OBJECT) != rule_object(read(root, RULES)):
        problems.append(f"{OBJECT}: is not what {RULES} says: alerts.py ROOT --write makes it anew")
    return problems + list(_check_monitor(root))


def main():
    root = sys.argv[1]
    if "--write" in sys.argv:
        with open(os.path.join(root, OBJECT), "w", encoding="utf-8") as file:
            file.write(rule_object(read(root, RULES)))
    problems = check(root)
    print("\n".join(problems) or "nothing is wrong with the alerts")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
