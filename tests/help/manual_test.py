# SPDX-License-Identifier: Apache-2.0
"""The manual is clean, whole and true: every command, option, key and variable is in it, and its example is valid.

    manual_test.py PROGRAM ROOT
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import command_line

NO_MAN = 77
SECTIONS = {
    "1": ("NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "EXIT STATUS", "SIGNALS", "ENVIRONMENT", "FILES",
          "EXAMPLES", "SEE ALSO"),
    "5": ("NAME", "DESCRIPTION", "KEYS", "EXAMPLE", "SEE ALSO"),
}


def printed(program, *arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def shown(page):
    """What man shows, and what it complains of."""
    with tempfile.NamedTemporaryFile("w", suffix=".man", encoding="ascii") as file:
        file.write(page)
        file.flush()
        environment = {**os.environ, "MANWIDTH": "200", "MANPAGER": "cat", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
        man = subprocess.run(["man", "--warnings", "-l", file.name], env=environment, capture_output=True, text=True)
        groff = subprocess.run(["groff", "-man", "-ww", "-z", file.name], capture_output=True, text=True)
    return man.stdout, man.stderr + groff.stderr


def environment_of_the_workload(root):
    with open(os.path.join(root, "supervisor/spawn.cpp"), encoding="utf-8") as file:
        return set(re.findall(r'added\["(LEASEHOLD_\w+)"\]', file.read()))


def keys(schema, path=""):
    for name, part in schema.get("properties", {}).items():
        yield path + name
        yield from keys(part, path + name + ".")


def expected_words(page, program, root):
    """What must be on the page as a word, or as words."""
    if page == "5":
        return set(keys(json.loads(printed(program, "schema"))))
    words = {variable for variable in environment_of_the_workload(root)}
    for command, options in command_line.commands(program).items():
        words.update(options)
        words.add("leasehold " + command if command else "leasehold")
    return words


def problems(page, text, program, root):
    seen, complaints = shown(text)
    found = [complaints] if complaints else []
    titles = re.findall(r"^([A-Z ]+)$", seen, re.MULTILINE)
    found += [f"({page}): no section {title}" for title in SECTIONS[page] if title not in titles]
    for word in sorted(expected_words(page, program, root)):
        if not re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w.-]*\w)", seen):
            found.append(f"({page}): does not speak of {word}")
    if page == "5":
        found += refused_example(seen, program)
    return found


def refused_example(seen, program):
    example = re.search(r"^EXAMPLE\n(.*?)^\S", seen, re.DOTALL | re.MULTILINE).group(1)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(example)
        file.flush()
        done = subprocess.run([program, "check", "--config", file.name], capture_output=True, text=True)
    return [done.stderr] if done.returncode else []


def main():
    program, root = sys.argv[1:]
    if shutil.which("man") is None or shutil.which("groff") is None:
        print("man and groff are not installed; scripts/packages names their package")
        return NO_MAN
    assert environment_of_the_workload(root), "found no variable in the source"
    found = []
    for page in SECTIONS:
        text = printed(program, "manual", page)
        found += problems(page, text, program, root)
        word = "workload" if page == "5" else "leasehold schema"
        for broken in (text + ".XX\n", text.replace(r"\fB" + word, r"\fBother"), text.replace(".SH SEE", ".SH SEA")):
            assert broken != text
            if not problems(page, broken, program, root):
                found.append(f"({page}): not noticed that it is broken")
    print("\n".join(found) or "the manual is whole")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
