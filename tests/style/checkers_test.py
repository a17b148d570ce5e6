# SPDX-License-Identifier: Apache-2.0
"""Shows that each style checker finds what it is there to find, and lets pass what it should."""

import os
import subprocess
import tempfile
import unittest

import comparison
import docs
import format as layout
import house
import layers
import libraries
import loaded
import source_text

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


class CheckerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def assert_one(self, problems, *parts):
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])


class LayersTest(CheckerTest):
    def setUp(self):
        super().setUp()
        for name in ("base/time", "base/log", "election/core/record", "election/core/election", "app/agent"):
            self.write(name + ".h", SPDX)

    def check_code(self, path, code):
        self.write(path, SPDX + code)
        return layers.check(self.root)

    def test_passes_what_is_allowed(self):
        self.check_code("election/core/standby.cpp", '#include <map>\n#include "base/time.h"\n')
        self.check_code("election/stores/x.cpp", '#include <thread>\n#include "election/core/record.h"\n')
        self.check_code("base/clock.cpp", "auto t = clock_gettime(CLOCK_BOOTTIME, &x);\n")
        self.assertEqual(self.check_code("app/x.cpp", '#include "election/core/election.h"\n'), [])

    def test_finds_an_arrow_against_the_layers(self):
        self.assert_one(self.check_code("base/x.cpp", '#include "app/agent.h"\n'), "base/x.cpp:2", "app/agent.h")

    def test_finds_more_of_a_room_than_it_shows(self):
        self.assert_one(self.check_code("election/stores/x.h", '#include "election/core/election.h"\n'), "stores")

    def test_finds_a_log_in_the_core(self):
        self.assert_one(self.check_code("election/core/x.cpp", '#include "base/log.h"\n'), "base/log.h")

    def test_finds_a_system_header_in_the_core(self):
        for header in ("ctime", "random", "thread", "iostream", "fstream", "unistd.h", "sys/socket.h"):
            with self.subTest(header):
                self.assert_one(self.check_code("election/core/x.cpp", f"#include <{header}>\n"), header, "pure")

    def test_finds_a_clock(self):
        for call in ("std::chrono::steady_clock::now()", "clock_gettime(CLOCK_MONOTONIC, &t)", "time(nullptr)"):
            with self.subTest(call):
                self.assert_one(self.check_code("election/core/x.cpp", f"auto t = {call};\n"), "clock")

    def test_finds_a_clock_in_any_room(self):
        self.assert_one(self.check_code("metrics/x.cpp", "auto t = std::chrono::system_clock :: now();\n"), "clock")

    def test_is_not_misled_by_comments_and_texts(self):
        code = '// time(nullptr)\n/* steady_clock::now() */ const char* text = "clock_gettime(x)";\n'
        self.assertEqual(self.check_code("election/core/x.cpp", code), [])

    def test_finds_a_library_in_the_wrong_room(self):
        for room, header in (("supervisor", "nlohmann/json.hpp"), ("supervisor", "thread"), ("config", "microhttpd.h")):
            with self.subTest(header):
                self.assert_one(self.check_code(f"{room}/x.cpp", f"#include <{header}>\n"), header)
                os.remove(os.path.join(self.root, room, "x.cpp"))

    def test_finds_an_include_that_is_not_there(self):
        self.assert_one(self.check_code("app/x.cpp", '#include "agent.h"\n'), "no file of the project")


class HouseTest(CheckerTest):
    def check_code(self, code, path="base/x.cpp"):
        self.write(path, code)
        return house.check(self.root)

    def test_passes_a_good_file(self):
        self.assertEqual(self.check_code(SPDX + "int f() { return 1; }\n"), [])

    def test_finds_a_missing_licence(self):
        for path in ("base/x.cpp", "tests/x.py", "scripts/x.sh", "CMakeLists.txt", "deploy/x.yaml"):
            with self.subTest(path):
                self.assert_one(self.check_code("\n", path), path, "SPDX")
                os.remove(os.path.join(self.root, path))
        self.assert_one(self.check_code("#!/bin/sh\nexit 0\n", "scripts/x"), "SPDX")

    def test_accepts_the_licence_below_an_interpreter_line(self):
        self.assertEqual(self.check_code("#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n", "scripts/x"), [])

    def test_finds_a_long_file(self):
        self.assertEqual(self.check_code(SPDX + "\n" * (house.MOST_FILE_LINES - 1)), [])
        self.assert_one(self.check_code(SPDX + "\n" * house.MOST_FILE_LINES), "500 lines")

    def test_finds_a_large_picture(self):
        self.write("docs/small.png", "x")
        self.write("docs/large.png", "x" * (house.MOST_PICTURE_BYTES + 1))
        self.assert_one(house.check(self.root), "docs/large.png", "for a picture")

    def test_finds_a_long_line(self):
        self.assertEqual(self.check_code(SPDX + "// " + "x" * 117 + "\n"), [])
        self.assert_one(self.check_code(SPDX + "// " + "x" * 118 + "\n"), "base/x.cpp:2", "121 characters")

    def test_finds_unfinished_business(self):
        for word in ("to" + "do", "FIX" + "ME", "place" + "holder"):
            with self.subTest(word):
                self.assert_one(self.check_code(SPDX + f"// {word}: more\n"), word)

    def test_finds_a_long_function(self):
        body = "    g();\n" * 68
        ctors = ("C::C(int a) : a_(a) {\n", "C::C(int a) : a_{a}, b_(a) {\n", "C::C(int a) : b_(a), a_{a} {\n")
        for start in ("void f() {\n", "namespace x {\nclass Y {\nvoid f() const {\n", *ctors):
            with self.subTest(start):
                self.assert_one(self.check_code(SPDX + start + body + "}\n"), "70 lines")

    def test_counts_functions_one_by_one(self):
        many = "namespace x {\n" + "void f() {\n    if (a) {\n        g();\n    }\n}\n\n" * 40 + "}\n"
        self.assertEqual(self.check_code(SPDX + many), [])
        self.assertEqual(house.functions("void f() {\n}\nstruct S {\n  int g() { return 1; }\n};\n"), [(1, 2), (4, 1)])

    def test_does_not_take_a_table_for_a_function(self):
        table = "const int kTable[] = {\n" + "    f(1),\n" * 80 + "};\n"
        self.assertEqual(self.check_code(SPDX + table), [])
        self.assert_one(self.check_code(SPDX + table + "void f() {\n" + "    g();\n" * 80 + "}\n"), "82 lines")

    def test_is_not_misled_by_braces_in_texts(self):
        self.assertEqual(self.check_code(SPDX + 'auto a = "{"; char b = \'{\';\n' + "int f();\n" * 80), [])


class DocsTest(CheckerTest):
    def check_text(self, text):
        self.write("docs/x.md", text)
        return docs.check(self.root)

    def test_passes_what_is_there(self):
        self.write("scripts/demo", "")
        text = "Run `scripts/demo`, see `docs/`, [this](x.md#part), [that](../scripts/demo).\n"
        self.assertEqual(self.check_text(text), [])

    def test_finds_a_missing_path(self):
        self.assert_one(self.check_text("Run `scripts/gone`.\n"), "scripts/gone")

    def test_finds_a_broken_link(self):
        self.assert_one(self.check_text("See [this](gone.md).\n"), "gone.md")

    def test_finds_a_missing_path_in_a_comment(self):
        self.write("base/x.h", SPDX + "// docs/gone.md tells why\n")
        self.assert_one(docs.check(self.root), "base/x.h", "docs/gone.md")

    def test_finds_metrics_that_are_not_there_or_not_described(self):
        self.write(docs.CATALOGUE, SPDX + 'a("leasehold_one_total"); b("leasehold_two");\n')
        self.write(docs.METRICS_PAGE, "`leasehold_one_total`\n")
        self.assert_one(docs.check(self.root), "does not describe", "leasehold_two")
        self.write(docs.METRICS_PAGE, "`leasehold_one_total` `leasehold_two` `leasehold_three`\n")
        self.assert_one(docs.check(self.root), "leasehold_three")

    def program(self, check_status=0):
        """Stands in for leasehold."""
        schema = '{"properties": {"election": {"properties": {"name": {}}}}}'
        self.write("program", f"#!/bin/sh\n[ $1 = schema ] && echo '{schema}' && exit 0\nexit {check_status}\n")
        path = os.path.join(self.root, "program")
        os.chmod(path, 0o755)
        return path

    def test_finds_a_configuration_that_is_refused(self):
        self.write(docs.REFERENCE, "`election.name`\n```yaml\nelection: {name: x}\n```\n```yaml\nother: 1\n```\n")
        self.assertEqual(docs.check(self.root, self.program()), [])
        self.assert_one(docs.check(self.root, self.program(check_status=2)), "refused")

    def test_finds_keys_that_are_not_there_or_not_described(self):
        self.write(docs.REFERENCE, "no key\n")
        self.assert_one(docs.check(self.root, self.program()), "does not describe the key election.name")
        self.write(docs.REFERENCE, "`election.name` `election.gone`\n")
        self.assert_one(docs.check(self.root, self.program()), "speaks of the key election.gone")


class ComparisonTest(CheckerTest):
    ROW = "| it runs |" + " no |" * 8 + " `e2e.It.Runs` |\n"
    HEAD = "| feature |" + " tool |" * 9 + "\n" + "|---" * 10 + "|\n"

    def check_row(self, row, tests=("e2e.It.Runs",)):
        return comparison.check(self.HEAD + row, set(tests))

    def test_passes_a_row_whose_test_is_there(self):
        self.assertEqual(self.check_row(self.ROW), [])

    def test_finds_a_test_that_is_not_there(self):
        self.assert_one(self.check_row(self.ROW, ("e2e.It.Walks",)), "it runs", "e2e.It.Runs")

    def test_leaves_out_what_was_not_built(self):
        self.assertEqual(self.check_row(self.ROW, ("e2e_test_NOT_BUILT-1234",)), [])

    def test_finds_a_row_without_a_test(self):
        self.assert_one(self.check_row(self.ROW.replace("`", "")), "names no test")

    def test_finds_a_cell_that_is_missing_or_empty(self):
        self.assert_one(self.check_row(self.ROW.replace(" no |", "", 1)), "10 filled cells")
        self.assert_one(self.check_row(self.ROW.replace(" no |", " |", 1)), "10 filled cells")

    def test_finds_that_there_is_no_table(self):
        self.assert_one(comparison.check("text\n", set()), "no table")


class LibrariesTest(CheckerTest):
    def compile(self, name, code):
        source, archive = (os.path.join(self.root, name + ending) for ending in (".cpp", ".a"))
        self.write(name + ".cpp", code)
        subprocess.run(["c++", "-std=c++20", "-c", source, "-o", source + ".o"], check=True)
        subprocess.run(["ar", "rc", archive, source + ".o"], check=True)
        return libraries.check("nm", archive)

    def test_passes_sockets_that_are_connected_already(self):
        code = "#include <sys/socket.h>\nint f(int* x) { return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, x); }\n"
        self.assertEqual(self.compile("supervisor", code), [])

    def test_finds_a_connection(self):
        code = "#include <sys/socket.h>\nint f(int x, const sockaddr* a) { return connect(x, a, 16); }\n"
        self.assert_one(self.compile("supervisor", code), "supervisor.cpp.o", "connect")

    def test_finds_a_thread(self):
        code = "#include <pthread.h>\nint f(pthread_t* t, void* (*g)(void*)) { return pthread_create(t, {}, g, t); }\n"
        self.assert_one(self.compile("supervisor", code), "supervisor.cpp.o", "pthread_create")

    def test_finds_parsers_and_servers(self):
        listing = "lib.a[x.cpp.o]:\nMHD_start_daemon U         \n_ZN8nlohmann4fromEv U         \nread U         \n"
        self.assertEqual(len(libraries.check_symbols(listing)), 2)

    def test_finds_an_empty_library(self):
        self.assert_one(self.compile("empty", ""), "leaves no symbols")


class LoadedTest(CheckerTest):
    def link(self, *libraries):
        self.write("x.cpp", "int main() {}\n")
        program = os.path.join(self.root, "x")
        source = os.path.join(self.root, "x.cpp")
        subprocess.run(["c++", source, "-o", program, "-Wl,--no-as-needed", *libraries], check=True)
        return loaded.check("readelf", program)

    def test_passes_a_program_without_it(self):
        self.assertEqual(self.link("-ldl"), [])

    def test_finds_a_program_that_is_linked_with_it(self):
        self.assert_one(self.link("-lcurl"), "loads libcurl.so.4")

    def test_finds_a_program_without_libraries(self):
        self.assert_one(self.link("-static"), "no libraries at all")


@unittest.skipIf(layout.formatter() is None, "clang-format is not installed")
class FormatTest(CheckerTest):
    def test_finds_a_file_that_is_laid_out_differently(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.write("base/x.cpp", "int f() { return 1; }\n")
        self.assertEqual(layout.check(self.root), [])
        self.write("base/y.cpp", "int  f( ) {return 1;}\n")
        self.assert_one(layout.check(self.root), "base/y.cpp:1")


class SourceTextTest(CheckerTest):
    def test_leaves_build_folders_out(self):
        for path in ("build/release/x.cpp", "b/CMakeCache.txt", "b/x.cpp", ".git/x.cpp", "base/x.cpp"):
            self.write(path, "")
        self.assertEqual(source_text.files(self.root), ["base/x.cpp"])


if __name__ == "__main__":
    unittest.main()
