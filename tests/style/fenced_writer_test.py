# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/guarantee.md works.

    fenced_writer_test.py FOLDER_OF_EXAMPLES
"""

import os
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv.pop(1))
import fenced_writer  # noqa: E402


class FencedWriter(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def connect(self):
        connection = fenced_writer.prepare(os.path.join(self.folder.name, "billing.db"))
        self.addCleanup(connection.close)
        return connection

    def tokens(self):
        return [token for token, in self.connect().execute("SELECT token FROM invoice ORDER BY number")]

    def test_an_older_leader_is_refused_and_leaves_nothing(self):
        old, new = self.connect(), self.connect()
        fenced_writer.write_invoice(old, 41, "first")
        fenced_writer.write_invoice(new, 42, "second")
        with self.assertRaises(fenced_writer.FencedOff):
            fenced_writer.write_invoice(old, 41, "after the thaw")
        fenced_writer.write_invoice(new, 42, "third")
        self.assertEqual(self.tokens(), [41, 42, 42])

    def test_a_write_that_fails_changes_no_token(self):
        connection = self.connect()
        with self.assertRaises(sqlite3.Error):
            fenced_writer.write_invoice(connection, 50, object())
        fenced_writer.write_invoice(connection, 42, "still the newest")
        self.assertEqual(self.tokens(), [42])

    # The control: without the check in the write's transaction both would be there.
    def test_without_the_fence_the_older_leader_writes(self):
        connection = self.connect()
        fenced_writer.write_invoice(connection, 42, "new")
        connection.execute("INSERT INTO invoice (token, text) VALUES (41, 'unfenced')")
        self.assertEqual(self.tokens(), [42, 41])


if __name__ == "__main__":
    unittest.main()
