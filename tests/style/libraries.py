# SPDX-License-Identifier: Apache-2.0
"""Checks with the linker's eyes that guardian and supervisor have no network code, no parser and no threads.

    libraries.py NM ARCHIVE...

Looks at the symbols that the rooms' static libraries leave to others. Talking over sockets that are already connected
(socketpair, sendmsg, recvmsg) is allowed, making connections is not.
"""

import re
import subprocess
import sys

FORBIDDEN = re.compile(
    r"(?:socket|connect|bind|listen|accept4?|getaddrinfo|gethostbyname\w*|getnameinfo|res_\w+)(?:@.*)?$"
    r"|(?:curl|MHD|SSL|yaml)_\w+"
    r"|_Z\w*?(?:8nlohmann|10prometheus|4YAML|3CLI)\w*"
)
THREADS = re.compile(r"pthread_create(?:@.*)?$|_ZNSt6thread\w*|thrd_create")


def check_symbols(listing):
    """`listing`: what `nm --undefined-only --format=posix` prints for an archive."""
    problems = []
    member = "?"
    for line in listing.splitlines():
        if match := re.match(r".*\[(.+)\]:$", line):
            member = match.group(1)
            continue
        symbol = line.split(" ")[0]
        if FORBIDDEN.match(symbol):
            problems.append(f"{member} uses {symbol}")
        elif THREADS.match(symbol):
            problems.append(f"{member} makes threads ({symbol})")
    return problems


def check(nm, archive):
    listing = subprocess.run(
        [nm, "--undefined-only", "--format=posix", archive], check=True, capture_output=True, text=True
    ).stdout
    if all(line.endswith("]:") for line in listing.splitlines()):
        return [f"{archive} leaves no symbols to others: is it a library?"]
    return [f"{archive}: {problem}" for problem in check_symbols(listing)]


if __name__ == "__main__":
    found = [problem for archive in sys.argv[2:] for problem in check(sys.argv[1], archive)]
    print("\n".join(found) or "no network code, no parser, no threads")
    sys.exit(1 if found or len(sys.argv) < 3 else 0)
