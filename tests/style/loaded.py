# SPDX-License-Identifier: Apache-2.0
"""Checks that the program loads neither libcurl nor libmicrohttpd, nor what they bring, nor ZooKeeper's client whenever
it starts.

    loaded.py READELF PROGRAM

Guardian and supervisor, and agents of other stores, would pay for it too. election/stores/http/curl_library.h,
metrics/microhttpd_library.h and election/stores/zookeeper/client_library.h load them where they are needed.
"""

import re
import subprocess
import sys

FORBIDDEN = re.compile(r"lib(?:curl|microhttpd|gnutls|ssl|crypto|nghttp2|ssh2|zookeeper)(?:\b|_)")


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
    print("\n".join(found) or "it loads neither")
    sys.exit(1 if found else 0)
