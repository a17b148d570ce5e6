# SPDX-License-Identifier: Apache-2.0
"""Shows that hardened.py finds each protection that is missing, and passes a program that has them all."""

import os
import subprocess
import tempfile
import unittest

import hardened

# A buffer on the stack, a copy whose size is known only when it runs, and many functions that somebody may jump to.
SOURCE = """
#include <cstring>
#include <cstdio>
template <int N> int jump(const char* text) { char copy[64]; std::strcpy(copy, text); return copy[0] + N; }
using Jump = int (*)(const char*);
template <int N> struct Fill { static void in(Jump* at) { at[N] = jump<N>; Fill<N - 1>::in(at); } };
template <> struct Fill<0> { static void in(Jump* at) { at[0] = jump<0>; } };
Jump table[200];
int main(int, char** argv) { Fill<199>::in(table); std::puts(__FILE__); return table[argv[0][0]](argv[0]); }
"""
ALL = ("-O2 -fPIE -pie -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -Wl,-z,relro -Wl,-z,now "
       "-Wl,-z,noexecstack").split()
if os.uname().machine == "x86_64":
    ALL.append("-fcf-protection")


class HardenedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def problems_with(self, *changes, folders=()):
        """Of a program built with everything, and then with `changes`, which win."""
        source, program = os.path.join(self.folder, "x.cpp"), os.path.join(self.folder, "x")
        with open(source, "w", encoding="utf-8") as file:
            file.write(SOURCE)
        subprocess.run(["c++", *ALL, *changes, source, "-o", program], check=True)
        return hardened.check("readelf", program, folders)

    def assert_one(self, problems, part):
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(part, problems[0])

    def test_passes_what_has_everything(self):
        self.assertEqual(self.problems_with(f"-ffile-prefix-map={self.folder}=.", folders=[self.folder]), [])

    def test_finds_what_is_not_pie(self):
        self.assert_one(self.problems_with("-fno-pie", "-no-pie"), "not PIE")

    def test_finds_lazy_binding(self):
        self.assert_one(self.problems_with("-Wl,-z,lazy"), "no -z now")

    def test_finds_what_has_no_relro(self):
        self.assert_one(self.problems_with("-Wl,-z,norelro"), "no -z relro")

    def test_finds_a_stack_that_may_be_executed(self):
        self.assert_one(self.problems_with("-Wl,-z,execstack"), "GNU_STACK is RWE")

    def test_finds_a_stack_without_protector(self):
        self.assert_one(self.problems_with("-fno-stack-protector"), "-fstack-protector-strong")

    def test_finds_unchecked_calls(self):
        self.assert_one(self.problems_with("-U_FORTIFY_SOURCE"), "_FORTIFY_SOURCE")

    @unittest.skipUnless("-fcf-protection" in ALL, "a protection of another processor")
    def test_finds_unprotected_jumps(self):
        self.assert_one(self.problems_with("-fcf-protection=none"), "-fcf-protection")

    def test_finds_a_folder(self):
        self.assert_one(self.problems_with(folders=[self.folder]), f"names {self.folder}")


if __name__ == "__main__":
    unittest.main()
