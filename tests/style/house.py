# SPDX-License-Identifier: Apache-2.0
"""Checks the house rules: licence line, sizes of files, lines and functions, no unfinished business.

    house.py ROOT
"""

import os
import re

import source_text

MOST_FILE_LINES = 499
MOST_LINE_LENGTH = 120
MOST_FUNCTION_LINES = 69
MOST_PICTURE_BYTES = 150_000

LICENCE = "SPDX-License-Identifier: Apache-2.0"
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|place" + r"holder)\b", re.IGNORECASE)
SOURCE_ENDINGS = (".h", ".cpp", ".py", ".sh", ".cmake", ".css", ".js", ".yaml", ".yml", "CMakeLists.txt")


def _is_source(path, text):
    return path.endswith(SOURCE_ENDINGS) or text.startswith("#!")


def _check_text(path, text):
    lines = text.splitlines()
    problems = []
    if _is_source(path, text):
        first = lines[1:2] if text.startswith("#!") else lines[:1]
        if not first or LICENCE not in first[0]:
            problems.append(f"{path}:1: the first line must hold '{LICENCE}'")
        if len(lines) > MOST_FILE_LINES:
            problems.append(f"{path}:{len(lines)}: {len(lines)} lines; at most {MOST_FILE_LINES} are allowed")
        for number, line in enumerate(lines, 1):
            if len(line) > MOST_LINE_LENGTH:
                problems.append(f"{path}:{number}: {len(line)} characters; at most {MOST_LINE_LENGTH} are allowed")
            if line != line.rstrip():
                problems.append(f"{path}:{number}: blanks at the end of the line")
    for number, line in enumerate(lines, 1):
        if match := UNFINISHED.search(line):
            problems.append(f"{path}:{number}: unfinished: '{match.group()}'")
    return problems


_BRACES = re.compile(r"[{};]")
_CONTAINER = re.compile(r"\b(?:namespace|class|struct|union|enum)\b[^()=]*$|\bextern\s*\"\"\s*$")


def _begins_function(header):
    """Whether a brace outside of any function, after this text, opens a body: not the braces of a table."""
    header = header.strip()
    return header == "" or header[0] == "," or (")" in header and not header.endswith("="))


def functions(code):
    """(first line, number of lines) of every function body in C++ without comments and texts; lambdas inside a
    function count as part of it. Goes by the braces, so it knows nothing of macros that hide one."""
    found = []
    depth = 0  # of braces inside the outermost function or table
    start = 0  # offset where the current declaration began
    opened = None  # where the function began
    for match in _BRACES.finditer(code):
        brace = match.group()
        if brace == "{":
            if depth == 0:
                header = code[start : match.start()]
                if _CONTAINER.search(header):
                    start = match.end()
                    continue
                begin = start + len(header) - len(header.lstrip())
                opened = begin if _begins_function(header) else None
            depth += 1
        elif brace == "}" and depth > 0:
            depth -= 1
            if depth == 0 and opened is not None:
                first = code.count("\n", 0, opened) + 1
                last = code.count("\n", 0, match.start()) + 1
                found.append((first, last - first + 1))
        if depth == 0:
            start = match.end()
    return found


def _check_functions(path, text):
    # A preprocessor line ends nothing that the braces would notice.
    code = re.sub(r"^\s*#.*$", ";", source_text.code_only(text), flags=re.MULTILINE)
    return [
        f"{path}:{first}: a function of {length} lines; at most {MOST_FUNCTION_LINES} are allowed"
        for first, length in functions(code)
        if length > MOST_FUNCTION_LINES
    ]


def check(root):
    problems = []
    for path in source_text.files(root):
        if path == "LICENSE":
            continue
        if path.endswith(".png"):
            size = os.path.getsize(os.path.join(root, path))
            if size > MOST_PICTURE_BYTES:
                problems.append(f"{path}: {size} bytes; at most {MOST_PICTURE_BYTES} are allowed for a picture")
            continue
        try:
            text = source_text.read(root, path)
        except UnicodeDecodeError:
            problems.append(f"{path}: is not UTF-8")
            continue
        problems += _check_text(path, text)
        if source_text.is_cpp(path):
            problems += _check_functions(path, text)
    return problems


if __name__ == "__main__":
    source_text.main(check, "violations of the house rules")
