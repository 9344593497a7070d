#!/usr/bin/env python3
"""Shows docs/api.py refusing headers that lack something, and a page that is out of date."""

import contextlib
import importlib.util
import io
import os
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/api.py")
spec = importlib.util.spec_from_file_location("api", SCRIPT)
api = importlib.util.module_from_spec(spec)
spec.loader.exec_module(api)

ERROR_H = "/* Codes. */\nenum tmv_code { TMV_OK = 0, TMV_ERR_NOT_FOUND, /* none */ TMV_CODE_COUNT };\n"
TAKES = "TMV_API TMV_NODISCARD bool tmv_get(int id,\n    struct tmv_error *err);\n"
PLAIN = "TMV_API const char *tmv_name(const struct tmv_error *err);\n"

# prologue, docstring, prototype; bad, and its good twin
CASES = [
    ("no docstring", ("Errors of every call: IO.", "", TAKES), ("Errors of every call: IO.", "Gets.", TAKES)),
    ("no docstring", ("About.\n *\n * Cannot fail: every function that takes no `err`.", "", PLAIN),
     ("About.\n *\n * Cannot fail: every function that takes no `err`.", "Names.", PLAIN)),
    ("does not name its errors", ("About.", "Gets.", TAKES), ("About.", "Gets. Errors: those of tmv_put.", TAKES)),
    ("does not name its errors", ("About.", "Gets, NOT_FOUNDED.", TAKES), ("About.", "Gets; NOT_FOUND.", TAKES)),
    ("does not name its errors", ("Cannot fail: every function that takes no `err`.", "Gets.", TAKES),
     ("Errors of every call that takes a handle: IO.", "Gets.", TAKES)),
    ("does not say how it fails", ("About.", "Names.", PLAIN), ("About.", "Names. Cannot fail.", PLAIN)),
    ("does not say how it fails", ("Errors of every call: IO.", "Names.", PLAIN), ("About.", "Names. NULL: no memory.", PLAIN)),
]


def header(prologue, doc, prototype):
    return api.Header("x.h", f"/* {prologue} */\n#pragma once\n\n" + (f"/* {doc} */\n" if doc else "") + prototype)


def breaches(parts):
    return list(api.breaches([api.Header("error.h", ERROR_H), header(*parts)]))


class Check(unittest.TestCase):
    def test_every_rule_fails_on_a_bad_header_and_passes_on_its_good_twin(self):
        for message, bad, good in CASES:
            with self.subTest(bad=bad):
                self.assertEqual(len(breaches(bad)), 1)
                self.assertIn(message, breaches(bad)[0])
                self.assertEqual(breaches(good), [])

    def test_a_comment_with_a_blank_line_after_it_documents_nothing(self):
        parts = api.Header("x.h", "/* P. */\n/* Errors: IO. */\n\n" + TAKES)
        self.assertEqual(len(list(api.breaches([parts]))), 1)

    def test_a_page_that_is_out_of_date_is_refused(self):
        good = "/* P. */\n/* Gets. Errors: IO. */\n" + TAKES
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
            with open(os.path.join(folder, "x.h"), "w", encoding="utf-8") as file:
                file.write(good)
            where = ["--headers", folder, "--out", os.path.join(folder, "api.md")]
            self.assertEqual(api.main(["--check", *where]), 1)
            self.assertEqual(api.main(where), 0)
            self.assertEqual(api.main(["--check", *where]), 0)
            with open(os.path.join(folder, "x.h"), "w", encoding="utf-8") as file:
                file.write(good.replace("Gets.", "Fetches."))
            self.assertEqual(api.main(["--check", *where]), 1)
            self.assertIn("out of date", said.getvalue())


class Reader(unittest.TestCase):
    TEXT = (
        "/* About.\n *\n * - one\n * - two\n */\n#pragma once\n#include <stdbool.h>\n"
        "#define TMV_API __attribute__((visibility(\"default\")))\n#define TMV_ALL \\\n    1\n\n"
        "/* ---- things ---- */\n\n"
        "/* A thing;\n * of two lines. */\nstruct tmv_thing {\n    struct {\n        int x; /* {;} */\n    } in;\n};\nstruct tmv_other;\n"
        "typedef void tmv_sink(void *user, const char *line);\n"
        "TMV_API void tmv_free(struct tmv_thing *thing); /* NULL is fine */\n"
        "TMV_API __attribute__((format(printf, 1, 2))) bool tmv_print(const char *fmt, ...);\n"
    )

    def test_reads_types_functions_sections_and_trailing_comments(self):
        read = api.Header("x.h", self.TEXT)
        self.assertEqual(read.prologue, "About.\n\n- one\n\n- two")
        self.assertEqual(
            [item[:2] for item in read.items],
            [("define", "TMV_API"), ("define", "TMV_ALL"), ("section", "things"), ("type", "struct tmv_thing"),
             ("type", "struct tmv_other"), ("type", "tmv_sink"), ("function", "tmv_free"), ("function", "tmv_print")],
        )
        docs = {item[1]: item[3] for item in read.items if len(item) > 2}
        self.assertEqual(docs["struct tmv_thing"], "A thing; of two lines.")
        self.assertEqual(docs["tmv_free"], "NULL is fine")

    def test_every_prototype_of_the_public_headers_is_read(self):
        folder = os.path.join(os.path.dirname(SCRIPT), "../core/include/tenantmv")
        for read in api.read_headers(folder):
            with open(os.path.join(folder, read.name), encoding="utf-8") as file:
                prototypes = sum(line.startswith("TMV_API ") for line in file)
            self.assertEqual(len(read.functions()), prototypes, read.name)

    def test_text_that_is_no_declaration_is_refused(self):
        self.assertRaises(ValueError, api.Header, "x.h", "/* P. */\nstruct tmv_thing {\n")

    def test_what_markdown_would_take_for_its_own_is_escaped(self):
        self.assertEqual(api.markdown("*ret_a < `*b` TMV_ERR_ok"), "\\*ret_a \\< `*b` TMV_ERR_ok")


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
