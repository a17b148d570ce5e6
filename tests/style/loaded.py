# SPDX-License-Identifier: Apache-2.0
"""Checks that the program does not load libcurl, nor what libcurl brings, whenever it starts.

    loaded.py READELF PROGRAM

Guardian and supervisor, and agents of other stores, would pay for it too. election/stores/http/curl_library.h loads it
where it is needed.
"""

import re
import subprocess
import sys

FORBIDDEN = re.compile(r"lib(?:curl|ssl|crypto|nghttp2|ssh2)\b")


def needed(readelf, program):
    listing = subprocess.run(
        [readelf, "--dynamic", "--wide", program], check=True, capture_output=True, text=True
    ).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", listing)


def check(readelf, program):
    libraries = needed(readelf, program)
    if not libraries:
        return [f"{program} loads no libraries at all: is it the program?"]
    return [f"{program} loads {library} whenever it starts" for library in libraries if FORBIDDEN.match(library)]


if __name__ == "__main__":
    found = check(*sys.argv[1:])
    print("\n".join(found) or "it does not load libcurl")
    sys.exit(1 if found else 0)
