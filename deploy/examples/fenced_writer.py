#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A workload whose writes are refused once a newer leader has written: the fencing token at work.

    workload: {command: [python3, fenced_writer.py, /shared/billing.db]}

Each write names the token it was made under, and the database refuses it when it has seen a higher one. The check and
the write are one transaction: a process that slept through its lease between the two is refused as well.
"""

import os
import sqlite3
import sys
import time

SCHEMA = """
CREATE TABLE IF NOT EXISTS fence (resource TEXT PRIMARY KEY, token INTEGER NOT NULL);
INSERT OR IGNORE INTO fence VALUES ('billing', 0);
CREATE TABLE IF NOT EXISTS invoice (number INTEGER PRIMARY KEY AUTOINCREMENT, token INTEGER NOT NULL, text TEXT);
"""


class FencedOff(Exception):
    """Somebody with a higher token has written: this process is no longer the leader, whatever it believes."""


def prepare(database):
    connection = sqlite3.connect(database, isolation_level=None, timeout=10)
    connection.executescript(SCHEMA)
    return connection


def write_invoice(connection, token, text):
    connection.execute("BEGIN IMMEDIATE")
    try:
        passed = connection.execute(
            "UPDATE fence SET token = :token WHERE resource = 'billing' AND token <= :token", {"token": token})
        if passed.rowcount == 0:
            raise FencedOff(f"token {token} is not the newest any more")
        connection.execute("INSERT INTO invoice (token, text) VALUES (?, ?)", (token, text))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def main():
    token = int(os.environ["LEASEHOLD_FENCING_TOKEN"])
    connection = prepare(sys.argv[1])
    while True:
        try:
            write_invoice(connection, token, f"by {os.environ['LEASEHOLD_IDENTITY']}")
        except FencedOff as why:
            sys.exit(f"fenced off: {why}")
        time.sleep(1)


if __name__ == "__main__":
    main()
