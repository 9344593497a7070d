#!/usr/bin/env python3
"""Shows every rule of rules.py failing on a bad piece of text and passing on its good twin."""

import sys
import unittest

import clex
import rules


def long_function(lines):
    return "static void f(void)\n{\n" + "    g();\n" * (lines - 3) + "}\n"


def deep(levels):
    text = "static void f(void)\n{\n"
    for level in range(levels):
        text += ("if (a) {\n", "for (;;) {\n", "while (b) {\n", "switch (c) {\ndefault:\n")[level % 4]
    return text + "g();\n" + "}\n" * levels + "}\n"


def switch_of(labels, each):
    cases = "".join(f"case {n}:\n{each}\n" for n in range(labels))
    return "void f(int a)\n{\nswitch (a) {\n" + cases + "break;\n}\n}\n"


BRANCHES_15 = "int f(int a)\n{\n" + "    if (a)\n        g();\n" * 14 + "}\n"
BRANCHES_16 = BRANCHES_15.replace("int f", "int h").replace("    if (a)\n", "    if (a && b)\n", 1)

# rule, path, bad text, good text
CASES = [
    (rules.rule_arrows, "lib/x.c", '#include "pg/conn.h"\n', '#include "lib/buf.h"\n'),
    (rules.rule_arrows, "lib/x.c", '#include "core/pg/conn.h"\n', '#include "tenantmv/error.h"\n'),
    (rules.rule_arrows, "tui/console/x.c", '#include "core/pg/conn.h"\n', '#include "lib/err.h"\n'),
    (rules.rule_arrows, "core/model/x.c", '#include "pg/conn.h"\n', '#include "lib/text.h"\n'),
    (rules.rule_arrows, "core/pg/x.h", '#include "store/shape.h"\n', '#include "lib/buf.h"\n'),
    (rules.rule_arrows, "core/store/x.c", '#include "control/audit/audit.h"\n', '#include "pg/query.h"\n'),
    (rules.rule_arrows, "core/control/x.c", '#include "route/router.h"\n', '#include "tenantmv/router.h"\n'),
    (rules.rule_arrows, "core/route/x.c", '#include "move/shared/endpoints.h"\n', '#include "store/shape.h"\n'),
    (rules.rule_arrows, "core/observe/x.c", '#include "control/audit/audit.h"\n', '#include "lib/log.h"\n'),
    (rules.rule_arrows, "core/move/x.c", '#include "console/loop.h"\n', '#include "store/shape.h"\n'),
    (rules.rule_arrows, "core/move/x.c", '#include "../tui/console/loop.h"\n', '#include "sql_embedded.h"\n'),
    (rules.rule_arrows, "core/include/tenantmv/x.h", '#include "lib/buf.h"\n', '#include "tenantmv/types.h"\n'),
    (rules.rule_arrows, "tui/console/x.c", '#include "pg/conn.h"\n', '#include "tenantmv/control.h"\n'),
    (rules.rule_arrows, "tui/widgets/x.c", '#include "screens/frame.h"\n', '#include "widgets/table.h"\n'),
    (rules.rule_arrows, "core/move/x.c", '#include "engine/coordinator.h"\n', '#include "move/shared/endpoints.h"\n'),
    (rules.rule_one_dialect, "tui/console/x.c", "if (p == NULL)\n", "if (!p) /* == NULL */\n"),
    (rules.rule_one_dialect, "core/pg/x.c", "return p != NULL;\n", "return p;\n"),
    (rules.rule_one_dialect, "tui/console/x.c", "strncpy(a, b, 3);\n", "text_copy(a, sizeof a, b);\n"),
    (rules.rule_one_dialect, "tui/console/x.c", '    snprintf(a, sizeof a, "%s", b);\n', '    snprintf(a, sizeof a, "%s %s", b, c);\n'),
    (rules.rule_one_dialect, "tui/console/x.c", "clock_gettime(CLOCK_REALTIME, &t);\n", "now = clock_wall_us();\n"),
    (rules.rule_one_dialect, "core/route/x.c", "pthread_create(&t, NULL, f, x);\n", "thread_spawn(&t, n, f, x, err);\n"),
    (rules.rule_one_dialect, "core/route/x.c", "pthread_mutex_init(&m, NULL);\n", "lock_init(&m);\n"),
    (rules.rule_one_dialect, "core/route/x.c", "pthread_cond_timedwait(&c, &m, &ts);\n", "cond_wait_until(&c, &m, us);\n"),
    (rules.rule_one_dialect, "tui/cli/x.c", "cJSON_AddRawToObject(o, n, t);\n", "json_add_int64(o, n, 3);\n"),
    (rules.rule_one_dialect, "tui/cli/x.c", "static bool failure(struct tmv_error *err)\n", "return err_set(err, c, t);\n"),
    (rules.rule_one_dialect, "tui/cli/x.c", "wcwidth(c);\n", "utf8_columns(c);\n"),
    (rules.rule_homes, "tui/screens/x.c", "#include <curses.h>\n", "#include <stdio.h>\n"),
    (rules.rule_homes, "tui/screens/x.c", "#include <ncursesw/ncurses.h>\n", "/* #include <curses.h> */\n"),
    (rules.rule_homes, "core/store/x.c", "#include <libpq-fe.h>\n", '#include "pg/query.h"\n'),
    (rules.rule_homes, "core/move/x.c", "#include <curl/curl.h>\n", '#include "observe/webhook.h"\n'),
    (rules.rule_homes, "core/pg/x.c", "#include <cjson/cJSON.h>\n", "#include <libpq-fe.h>\n"),
    (rules.rule_homes, "core/pg/x.c", '#include "lib/json.h"\n', '#include "lib/text.h"\n'),
    (rules.rule_size, "lib/x.c", long_function(81), long_function(80)),
    (rules.rule_size, "lib/x.c", BRANCHES_16, BRANCHES_15),
    (rules.rule_size, "lib/x.c", switch_of(15, "g();"), switch_of(14, "g();") + switch_of(20, "")),
    (rules.rule_size, "lib/x.c", "int f(int a, int b, int c, int d, int e, int (*g)(int, int), int h)\n{\n}\n",
     "int f(int a, int b, int c, int d, int e, int (*g)(int, int))\n{\n}\n"),
    (rules.rule_size, "lib/x.c", deep(5), deep(4)),
    (rules.rule_size, "lib/x.c", "/* */\n" * 801, "/* */\n" * 800),
    (rules.rule_size, "lib/x.c", "int f(void)\n{\n", "int f(void)\n{\n}\n"),
    (rules.rule_no_sql_in_c, "core/store/x.c", 'f("SELECT 1");\n', 'f("select a store"); /* "SELECT 1" */\n'),
    (rules.rule_no_sql_in_c, "core/store/x.c", 'f("  " "DELETE FROM t");\n', 'f("DELETE");\n'),
    (rules.rule_no_sql_in_c, "core/store/x.c", 'f("BEGIN; SET LOCAL x = %d");\n', 'err_hint(e, "GRANT a TO %s", f(b));\n'),
    (rules.rule_no_sql_in_c, "core/store/x.c", 'f(err_hint(e, "a"), " WHERE a = %s");\n', 'f("do it: SELECT setval(%s)");\n'),
    (rules.rule_no_sql_in_c, "core/store/x.c", 'f("%s; COMMIT");\n', 'f("SELECT,UPDATE", "NULL", "the COMMIT; was late");\n'),
    (rules.rule_no_sql_in_c, "core/store/x.c", 'f("WITH a AS (SELECT " "1)");\n', 'f("writes for: " "DELETE FROM %s");\n'),
    (rules.rule_locale, "core/pg/x.c", 'f("%.1f ms", a);\n', 'f("%d %% full, %s", a, DECIMAL(b, 1)); /* "%f" */\n'),
    (rules.rule_locale, "lib/x.c", 'f("%-*.*Lg", a, b, c);\n', 'f("%-*.*s %zu %lld", a, b, c);\n'),
    (rules.rule_locale, "lib/x.c", "f(\"%'d\", a);\n", "f(\"'%d'\", a);\n"),
    (rules.rule_locale, "core/pg/x.c", "a = strtod(b, &c);\n", "a = strtod_l(b, &c, d) + strtoll(b, &c, 10);\n"),
    (rules.rule_locale, "core/pg/x.c", "sscanf(a, b);\n", "f(a, b); /* sscanf(a, b) */\n"),
    (rules.rule_locale, "core/pg/x.c", 'setlocale(LC_CTYPE, "");\n', 'newlocale(LC_ALL_MASK, "C", 0);\n'),
    (rules.rule_locale, "tui/console/x.c", 'setlocale(LC_ALL, "");\n', 'setlocale(LC_CTYPE, "");\nf("%.1f", a);\n'),
    (rules.rule_locale, "tui/console/x.c", "a = tolower(b);\n", "a = text_lower(b);\n"),
    (rules.rule_locale, "tui/console/x.c", "strcasecmp(a, b);\n", "fold_equal(a, b);\n"),
    (rules.rule_sql_header, "core/store/sql/x.sql", "SELECT 1\n", "-- One.\n-- database: any\nSELECT 1\n"),
    (rules.rule_sql_header, "core/store/sql/x.sql", "-- One.\nSELECT 1\n", "-- One.\n-- database: any\nSELECT 1\n"),
    (rules.rule_sql_header, "core/store/sql/x.sql", "-- database: any\nSELECT 1\n", "-- One.\n-- database: any\nSELECT 1\n"),
    (rules.rule_sql_header, "core/store/sql/x.sql", "-- A.\n-- database: any\nSELECT $1::int\n",
     "-- A.\n-- database: any\n-- $1 integer: what\nSELECT $1::int\n"),
    (rules.rule_no_mutable_globals, "lib/x.c", "int counter;\n", "static int counter;\n"),
    (rules.rule_no_mutable_globals, "lib/x.c", "const char *names[] = {\"a\"};\n",
     "const char *const names[] = {\"a\"};\n"),
    (rules.rule_no_mutable_globals, "lib/x.h", "extern struct thing things[3];\n",
     "extern const struct thing things[3];\nstruct thing {\n    int a;\n};\nstruct other;\nvoid f(int a);\n"),
    (rules.rule_nothing_unfinished, "lib/x.c", "/* TO" + "DO */\n", "/* to do */\n"),
    (rules.rule_links, "docs/x.md", "[a](no-such-file.md)\n", "[a](https://example.org/) [b](#here)\n# Here\n"),
    (rules.rule_links, "docs/x.md", "[a](#there)\n# Here\n", "[a](#the-long-one)\n## The *long* one\n"),
    (rules.rule_plain_english, "docs/x.md", "The fence stands.\n", "`x stands`\n```\ngoes on\n```\nA standby.\n"),
    (rules.rule_plain_english, "tui/x.c", 'f("the copy "\n  "goes on");\n', 'f("the copy continues"); /* goes on */\n'),
    (rules.rule_plain_english, "core/x.c", 'f("Nobody asked");\n', 'f("nobody"); f("as the user nobody");\n'),
    (rules.rule_plain_english, "core/x.sql", "RAISE 'it begins anew';\n", "-- anew\nRAISE 'it restarts';\n"),
    (rules.rule_health_reasons, "docs/watching.md", "paused, throttled", ", ".join(rules.health_reasons())),
    (rules.rule_paths, "docs/x.md", "See `tests/no-such.py`.\n", "See `tests/lint/rules.py`, `tests/*/x`, `core/sql/`, tests/no.py.\n"),
    (rules.rule_paths, "x.md", "`tests/lint/no-such-folder/`\n", "`../shared/x` `no-such/x`\n"),
    (rules.rule_paths_in_comments, "core/x.h", "/* see\n * migrate/move.h */\n", "/* engine/move.h, core/engine/move.h: events/s */ f(\"a/b.c\");\n"),
    (rules.rule_paths_in_comments, "core/x.sql", "-- as base/err.h\n", "-- as lib/err.h\nSELECT 'a/b.h';\n"),
    (rules.rule_fault_points, "core/pg/x.c", 'return a || fault_hit(b ? "tail.x" : "tail.after_commit", err);\n',
     'return fault_hit(b ? "tail.before_commit" : "tail.after_commit", err);\n'),
    (rules.rule_fault_points, "core/model/moves.c", '[MOVE_A] = {"a", 1, "phase.befor_cutover", "phase.cutover"},\n',
     '[MOVE_A] = {"a", 1, "phase.before_cutover", "phase.cutover"},\n'),
]


class Rules(unittest.TestCase):
    def test_every_rule_fails_on_bad_text_and_passes_on_good_text(self):
        for rule, path, bad, good in CASES:
            with self.subTest(rule=rule.__name__, path=path, bad=bad[:60]):
                self.assertTrue(rule(path, bad), "did not see the bad text")
                self.assertEqual(rule(path, good), [], "complains about the good text")

    def test_every_rule_has_a_case(self):
        self.assertEqual({c[0] for c in CASES}, set(rules.RULES))

    def look_up(self, path, bad, good):
        """Texts with commands that do not exist, and texts with those that do."""
        helps = {("status",): "usage: tenantmv status [--json-lines] [--to X]", ("store", "add"): "--table"}.get
        for text in bad:
            self.assertTrue(rules.rule_commands(path, text, helps), text)
        for text in good:
            self.assertEqual(rules.rule_commands(path, text, helps), [], text)

    def test_commands_of_the_documents_are_looked_up(self):
        self.look_up(
            "README.md",
            bad=(
                "    tenantmv fly\n",
                "use `./run fly now`\n",
                "```sh\n$ tenantmv status --yaml\n```\n",
                "`tenantmv store fly`\n",
                "`tenantmv store add --yaml`\n",
            ),
            good=(
                "    tenantmv status --json-lines\n",
                "tenantmv flies\n",
                "`./run test --suite unit`\n",
                "`tenantmv store add --table t`\n",
            ),
        )

    def test_commands_of_messages_are_looked_up(self):
        self.look_up(
            "tui/x.c",
            bad=(
                'f("Start with: tenantmv fly");\n',
                'f("tenantmv status %s --target STORE");\n',
                'f("do it with `tenantmv status "\n  "--target STORE`");\n',
                'f("  tenantmv status\\n  tenantmv status \\"a b\\" --yaml\\n");\n',
                'f("see `tenantmv store fly`");\n',
                'f("tenantmv status --json");\n',
            ),
            good=(
                'f("tenantmv status %s --to STORE"); /* "tenantmv fly" */\n',
                'f("`tenantmv status` --yaml");\n',
                'f("of tenantmv flies");\n',
                '#include "tenantmv fly"\n',
            ),
        )
        self.look_up("tests/x.c", bad=(), good=('f("tenantmv fly");\n',))

    def test_commands_of_statements_are_looked_up(self):
        self.look_up(
            "core/store/sql/x.sql",
            bad=(
                "RAISE 'no' USING HINT = 'use `tenantmv fly`';\n",
                "RAISE 'it''s: tenantmv status --yaml';\n",
            ),
            good=(
                "-- tenantmv's own 'tenantmv fly --fast'\nSELECT 'tenantmv: no', 'in schema tenantmv in';\n",
                "SELECT 'use `tenantmv status --to X`';\n",
            ),
        )


class Callers(unittest.TestCase):
    HEADER = "/* f is not called here */\nint f(\n    int a);\nstruct s *g(void);\n"
    CODE = "int f(int a)\n{\n    return a;\n}\n\nstruct s *g(void)\n{\n    return f(1);\n}\n"

    def found(self, **more):
        texts = {"lib/x.h": self.HEADER, "lib/x.c": self.CODE, **{k.replace("_", "/") + ".c": v for k, v in more.items()}}
        return [m for _, _, m in rules.uncalled(texts)]

    def test_a_function_without_a_caller_is_found(self):
        self.assertEqual(self.found(), ["g is called by nothing"])
        self.assertEqual(self.found(tests_y='/* g() */\n'), ["g is called by nothing"])

    def test_a_caller_anywhere_is_enough(self):
        self.assertEqual(self.found(tests_y="void h(void)\n{\n    g();\n}\n"), [])
        self.assertEqual(self.found(tui_y="static struct s *(*const table[])(void) = {g};\n"), [])

    def test_public_functions_are_for_others(self):
        texts = {"core/include/tenantmv/x.h": self.HEADER, "lib/x.c": self.CODE}
        self.assertEqual(list(rules.uncalled(texts)), [])


class Reader(unittest.TestCase):
    def test_a_quotation_mark_in_a_character_ends_no_string(self):
        self.assertEqual([v for _, v in clex.strings("f('\"', \"a\", '\\'', \"b\");\n")], ["a", "b"])

    def test_reads_names_lines_and_parameters(self):
        text = (
            "#define X(a) \\\n  { a }\nstruct s {\n    int (*f)(int);\n};\n"
            "static const struct s table[] = {\n    {f},\n};\n"
            'bool __attribute__((unused)) get(const char *s, int (*f)(int, int))\n{\n    return "}{"[0] == \'{\';\n}\n'
        )
        found = clex.functions(text)
        self.assertEqual([(f.name, f.line, f.lines, f.parameters) for f in found], [("get", 9, 4, 2)])

    def test_else_if_and_literals_do_not_nest(self):
        text = "void f(void)\n{\nif (a)\nx = (struct s){1};\nelse if (b)\ny();\nelse\nfor (;;)\nz();\n}\n"
        self.assertEqual(clex.functions(text)[0].nesting, 2)

    def test_macro_loops_and_braceless_bodies_nest(self):
        text = "void f(void)\n{\nEACH (a, b) {\nif (a)\nwhile (b)\ndo\nx();\nwhile (c);\n}\n}\n"
        self.assertEqual(clex.functions(text)[0].nesting, 4)


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
