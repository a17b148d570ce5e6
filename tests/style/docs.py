# SPDX-License-Identifier: Apache-2.0
"""Checks that the documents speak of what is there: files, metrics, configurations.

    docs.py ROOT [LEASEHOLD]

Paths of the project in documents and in comments must exist, every metric named in a document must be in the catalogue
and every metric of the catalogue must be described. With the program given, the same goes for the keys of its
configuration, and every YAML block of a document that configures an election must pass its check.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

import source_text

FOLDERS = "app|base|bench|config|deploy|docs|election|metrics|output|scripts|supervisor|tests"
CODE_SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:\.ci|{FOLDERS})/[\w./-]*")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
IN_COMMENT = re.compile(rf"(?<![\w/.-])(?:{FOLDERS})/[\w/-]+\.(?:h|cpp|md|py|sh|yaml)\b")
METRIC = re.compile(r"\b(?:leasehold|leader_election|process)_[a-z_]+[a-z]\b")
QUOTED_METRIC = re.compile(r'"((?:leasehold|leader_election|process)_[a-z_]+)"')
CATALOGUE = "metrics/catalogue.cpp"
REFERENCE = "docs/operations.md"
METRICS_PAGE = "docs/metrics.md"
KEY = re.compile(r"(?:identity|(?:election|workload|protection|http|control|logging)\.[a-z_.]*[a-z])")
YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _exists(root, path):
    return os.path.exists(os.path.join(root, path.rstrip("/.")))


def _check_paths(root, path, text):
    named = [span for span in CODE_SPAN.findall(text) if PATH.fullmatch(span)]
    missing = [name for name in named if not _exists(root, name)]
    for link in LINK.findall(text):
        target = os.path.normpath(os.path.join(os.path.dirname(path), link))
        if "://" not in link and not _exists(root, target):
            missing.append(link)
    return [f"{path}: speaks of {name}, which does not exist" for name in missing]


def _check_comments(root, path, text):
    missing = [name for name in IN_COMMENT.findall(text) if not _exists(root, name)]
    return [f"{path}: speaks of {name}, which does not exist" for name in missing]


def _check_metrics(root, documents):
    if not _exists(root, CATALOGUE):
        return []
    known = set(QUOTED_METRIC.findall(source_text.read(root, CATALOGUE)))
    problems = []
    for path, text in documents.items():
        for name in sorted(set(METRIC.findall(text)) - known):
            if re.sub(r"_(bucket|sum|count)$", "", name) not in known:
                problems.append(f"{path}: speaks of the metric {name}, which does not exist")
    described = set(METRIC.findall(documents.get(METRICS_PAGE, "")))
    return problems + [f"{METRICS_PAGE}: does not describe the metric {name}" for name in sorted(known - described)]


def _keys(schema, path=""):
    """Every path in a JSON Schema, sections and keys, and whether it is a key."""
    for name, part in schema.get("properties", {}).items():
        yield path + name, "properties" not in part
        yield from _keys(part, path + name + ".")


def _check_keys(program, documents):
    schema = subprocess.run([program, "schema"], check=True, capture_output=True, text=True).stdout
    known = dict(_keys(json.loads(schema)))
    problems = []
    described = set()
    for path, text in documents.items():
        named = {span for span in CODE_SPAN.findall(text) if KEY.fullmatch(span)}
        problems += [f"{path}: speaks of the key {name}, which does not exist" for name in sorted(named - known.keys())]
        if path == REFERENCE:
            described = named
    missing = sorted(name for name, is_key in known.items() if is_key and name not in described)
    return problems + [f"{REFERENCE}: does not describe the key {name}" for name in missing]


def _check_configurations(program, documents):
    problems = []
    for path, text in documents.items():
        for block in YAML_BLOCK.findall(text):
            if not re.search(r"^election:", block, re.MULTILINE):
                continue
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(block)
                file.flush()
                done = subprocess.run([program, "check", "--config", file.name], capture_output=True, text=True)
            if done.returncode != 0:
                first = block.splitlines()[0]
                problems.append(f"{path}: the configuration that begins with '{first}' is refused: {done.stderr}")
    return problems


def check(root, program=None):
    documents = {path: source_text.read(root, path) for path in source_text.files(root) if path.endswith(".md")}
    problems = []
    for path, text in documents.items():
        problems += _check_paths(root, path, text)
    for path in source_text.files(root):
        if source_text.is_cpp(path):
            problems += _check_comments(root, path, source_text.read(root, path))
    problems += _check_metrics(root, documents)
    if program:
        problems += _check_keys(program, documents)
        problems += _check_configurations(program, documents)
    return problems


if __name__ == "__main__":
    program_given = sys.argv.pop() if len(sys.argv) == 3 else None
    source_text.main(lambda root: check(root, program_given), "statements about what is not there")
