#!/usr/bin/env python3
"""The rules of the house that a compiler does not check. Prints one line per breach, and how many there were.

usage: rules.py [--root DIR] [--program build/tui/tenantmv]

Each rule is a function (path, text) -> [(line, message)] that looks at one file; selftest.py shows each of them failing.
There is no list of exceptions.
"""

import argparse
import collections
import functools
import os
import re
import subprocess
import sys

import clex

FUNCTION_LINES, COMPLEXITY, PARAMETERS, NESTING, FILE_LINES = 80, 15, 6, 4, 800

# Who may include whom inside core. Public headers (tenantmv/…), lib/ and the embedded SQL are open to all.
CORE_ARROWS = {
    "model": {"model"},
    "pg": {"pg"},
    "store": {"model", "pg", "store"},
    "control": {"model", "pg", "store", "control"},
    "observe": {"model", "observe"},
    "route": {"model", "pg", "store", "control", "observe", "route"},
    "move": {"model", "pg", "store", "control", "move"},
    "preflight": {"model", "pg", "store", "control", "move", "preflight"},
    "engine": {"model", "pg", "store", "control", "observe", "move", "engine"},
}
# Console and actions know each other: what a key does changes what the console shows. Nothing else goes in a circle.
TUI_ARROWS = {
    "widgets": set(),
    "theme": {"widgets"},
    "terminal": {"widgets", "theme"},
    "cli": {"widgets"},
    "view": {"widgets"},
    "screens": {"widgets", "terminal", "view"},
    "export": {"widgets", "view", "screens"},
    "actions": {"widgets", "theme", "terminal", "view", "screens", "export", "console"},
    "console": {"widgets", "theme", "terminal", "view", "screens", "actions"},
    "demo": {"console"},
    "command": {"widgets", "theme", "cli", "view", "screens", "export", "actions", "console", "demo"},
}
TUI_PARTS = set(TUI_ARROWS)

# System headers with one home each.
HOMES = [
    (re.compile(r"(n?curses\w*/)?(n?curses|term|panel|menu|form)\.h"), "tui/terminal/"),
    (re.compile(r"(postgresql/)?libpq(-fe|-events|/.*)\.h"), "core/pg/"),
    (re.compile(r"curl/.*"), "core/observe/"),
]


def includes(text):
    for number, line in enumerate(clex.strip(text, keep_strings=True).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
        if match:
            yield number, match.group(1) == "<", match.group(2)


def rule_arrows(path, text):
    """Arrows point one way: tui → core's public headers; inside core down only; all of them → lib."""
    parts = path.split("/")
    if not path.endswith((".c", ".h")) or parts[0] not in ("lib", "core", "tui"):
        return []
    found = []
    for line, system, name in includes(text):
        first = name.split("/")[0]
        if system or first == "tenantmv":
            continue
        if parts[0] == "lib":
            if first != "lib":
                found.append((line, f'lib includes "{name}": it knows neither core nor tui'))
        elif parts[0] == "tui":
            if first in CORE_ARROWS or first == "core":
                found.append((line, f'tui includes "{name}": of core it may include tenantmv/*.h only'))
            elif len(parts) > 2 and first in TUI_PARTS - {parts[1]} - TUI_ARROWS.get(parts[1], set()):
                found.append((line, f'tui/{parts[1]} includes "{name}": arrows point down only'))
        elif parts[1] in ("include", "sql"):
            found.append((line, f'a public header includes "{name}": only tenantmv/*.h and the system\'s'))
        elif first in TUI_PARTS or name.startswith(".."):
            found.append((line, f'core includes "{name}": it knows no screen'))
        elif "/" in name and first != "lib" and first not in CORE_ARROWS.get(parts[1], ()):
            found.append((line, f'core/{parts[1]} includes "{name}": arrows point down only'))
    return found


def rule_homes(path, text):
    """curses, libpq and libcurl have one home each; core/pg has no JSON."""
    if not path.endswith((".c", ".h")) or not path.startswith(("lib/", "core/", "tui/")):
        return []
    found = []
    for line, _, name in includes(text):
        for pattern, home in HOMES:
            if pattern.fullmatch(name) and not path.startswith(home):
                found.append((line, f"<{name}> belongs to {home} only"))
        if path.startswith("core/pg/") and ("cjson" in name.lower() or name == "lib/json.h"):
            found.append((line, f"<{name}>: core/pg has no JSON"))
    return found


def rule_size(path, text):
    """Functions, parameters, nesting and files stay small."""
    if not path.endswith((".c", ".h")):
        return []
    found = []
    lines = text.count("\n")
    if lines > FILE_LINES:
        found.append((lines, f"{lines} lines in a file (at most {FILE_LINES})"))
    try:
        functions = clex.functions(text)
    except ValueError as error:
        return found + [(1, f"cannot be read: {error}")]
    for f in functions:
        for value, most, what in (
            (f.lines, FUNCTION_LINES, "lines"),
            (f.complexity, COMPLEXITY, "cyclomatic complexity"),
            (f.parameters, PARAMETERS, "parameters"),
            (f.nesting, NESTING, "levels of nesting"),
        ):
            if value > most:
                found.append((f.line, f"{f.name}: {what} {value} (at most {most})"))
    return found


# A piece of a statement, wherever it is in a string: upper case, and followed by what only SQL has there.
SQL_PIECE = re.compile(
    r"\b(SELECT|INSERT INTO|DELETE FROM|LOCK TABLE|SET (?:LOCAL|SESSION)|ORDER BY|GROUP BY|WHERE|RETURNING|JOIN|VALUES"
    r"|UPDATE|CREATE|ALTER|DROP|COPY|GRANT|REVOKE|LISTEN|NOTIFY|SAVEPOINT|ROLLBACK TO) [\w%{(\"'*]"
    r"|\b(BEGIN|COMMIT|ROLLBACK)\b(?=\s*(;|$))"
)
ONE_STRING = r'"(?:\\.|[^"\\])*"'
# What these say is for people, who run it themselves.
MESSAGES = ("err_set", "err_hint", "err_wrap", "check_todo", "check_seen")


def called(text, at):
    """Name of the function of whose call the place `at` is an argument."""
    depth = 0
    for i in range(at - 1, -1, -1):
        depth += (text[i] == ")") - (text[i] == "(")
        if depth < 0:
            name = re.search(r"(\w+)\s*$", text[:i])
            return name.group(1) if name else ""
        if text[i] in ";{}" and depth == 0:
            return ""
    return ""


def rule_no_sql_in_c(path, text):
    """Statements live in .sql files, not in .c files; texts that begin as prose does may quote one."""
    if not path.startswith(("lib/", "core/")) or not path.endswith((".c", ".h")) or path.startswith("core/pg/"):
        return []
    bare = clex.drop_preprocessor(clex.strip(text, keep_strings=True))
    hidden = re.sub(ONE_STRING, lambda m: re.sub(r"[^\n]", " ", m.group(0)), bare)
    found = []
    for match in re.finditer(rf"{ONE_STRING}(?:\s*{ONE_STRING})*", bare):
        value = "".join(piece[1:-1] for piece in re.findall(ONE_STRING, match.group(0))).replace("\\n", " ")
        prose = re.match(r"[^A-Za-z]*[a-z]", re.sub(r"%[\w.*-]*", "", value))
        if SQL_PIECE.search(value) and not prose and called(hidden, match.start()) not in MESSAGES:
            found.append((bare.count("\n", 0, match.start()) + 1, f'statement text in C: "{value[:40]}"'))
    return found


LOCALE_CALLS = re.compile(
    r"\b(strto(?:d|f|ld)|atof|to(?:upper|lower)|is(?:alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit)"
    r"|strn?casecmp|strcasestr|strcoll|strxfrm|localeconv)\s*\("
)
SCAN_AND_SET = re.compile(r"\b(v?[sf]?scanf|setlocale)\s*\(")
LOCALE_FORMAT = re.compile(r"%[-+#0]*(?:\d+|\*)?(?:\.(?:\d+|\*)?)?(?:[lL]?[aAeEfFgG]|'|[-+#0]+')")


def rule_locale(path, text):
    """No number and no word goes through the locale of the process: core and lib live in programs that set LC_ALL."""
    if not path.startswith(("lib/", "core/", "tui/")) or not path.endswith((".c", ".h")):
        return []
    bare = clex.strip(text)
    line_of = lambda match: bare.count("\n", 0, match.start()) + 1
    found = [(line_of(m), f"{m.group(1)} follows the locale: see lib/text.h") for m in LOCALE_CALLS.finditer(bare)]
    if path.startswith("tui/"):
        sets = re.finditer(r"\bsetlocale\s*\((?!\s*LC_CTYPE\b)", bare)
        return found + [(line_of(m), "the program takes LC_CTYPE from the environment and nothing else") for m in sets]
    found += [(line_of(m), f"{m.group(1)} follows or changes the locale") for m in SCAN_AND_SET.finditer(bare)]
    return found + [
        (line, f'"{value[:40]}" prints with the locale\'s point: use DECIMAL of lib/text.h')
        for line, value in clex.strings(text)
        if LOCALE_FORMAT.search(value.replace("%%", ""))
    ]


def rule_sql_header(path, text):
    """Every .sql file of core says what it does, where it runs, and what its parameters mean."""
    if not path.startswith("core/") or not path.endswith(".sql"):
        return []
    lines = text.split("\n")
    head = []
    while len(head) < len(lines) and lines[len(head)].startswith("--"):
        head.append(lines[len(head)][2:].strip())
    body = re.sub(r"--[^\n]*|\$(\w*)\$.*?\$\1\$", "", "\n".join(lines[len(head) :]), flags=re.S)
    found = []
    if not head or re.match(r"(database:|\$\d|script)", head[0]):
        found.append((1, "the header does not begin with what the statement does"))
    if not any(h.startswith("database:") for h in head):
        found.append((1, "the header lacks its 'database:' line"))
    described = {int(n) for h in head for n in re.findall(r"\$(\d+)", h)}
    for number in sorted({int(n) for n in re.findall(r"\$(\d+)", body)} - described):
        found.append((1, f"the header does not describe ${number}"))
    return found


def rule_no_mutable_globals(path, text):
    """No variable that another file could change."""
    if not path.startswith(("lib/", "core/", "tui/")) or not path.endswith((".c", ".h")):
        return []
    try:
        return [(line, f"mutable global {name}") for line, name in clex.mutable_globals(text)]
    except ValueError:
        return []  # rule_size says so


def rule_nothing_unfinished(path, text):
    """No note of something left to do."""
    if not path.endswith((".c", ".h", ".py", ".sh", ".sql", ".md")) or path.startswith("tests/lint/"):
        return []
    words = re.compile(r"\b(" + "|".join(("TODO", "FIXME", "XXX")) + r")\b")
    return [(n, "unfinished") for n, line in enumerate(text.split("\n"), 1) if words.search(line)]


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text):
    return {slug(m.group(1).replace("`", "")) for m in re.finditer(r"^#+\s+(.*)$", text, flags=re.M)}


def rule_links(path, text, exists=os.path.exists, read=None):
    """Links between the documents lead somewhere."""
    if not path.endswith(".md"):
        return []
    read = read or read_text
    found = []
    for match in re.finditer(r"\[[^\]]*\]\(([^)\s]+)\)", text):
        target = match.group(1)
        if re.match(r"[a-z]+:", target):
            continue
        line = text.count("\n", 0, match.start()) + 1
        file, _, anchor = target.partition("#")
        where = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        if file and not exists(where):
            found.append((line, f"{target}: there is no such file"))
        elif anchor and where.endswith(".md") and anchor not in anchors(text if not file else read(where)):
            found.append((line, f"{target}: there is no such heading"))
    return found


# What a document names in code marks; with a placeholder or a wildcard in it, it is a pattern.
NAMED_PATH = re.compile(r"`((?:docs|core|lib|themes|tests|tui)/[\w./-]+)`")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


def rule_paths(path, text):
    """Files and folders that a document names exist. The changelog names what was."""
    if not path.endswith(".md") or path == "CHANGELOG.md":
        return []
    return [
        (text.count("\n", 0, m.start()) + 1, f"{m.group(1)}: there is no such file")
        for m in NAMED_PATH.finditer(text)
        if not os.path.exists(os.path.join(TOP, m.group(1)))
    ]


# In a comment, a file is named as an #include names it, from any folder of the tree on.
COMMENTED_PATH = re.compile(r"(?<![\w/.:-])((?:\w[\w-]*/)+\w[\w-]*\.(?:c|h|sql|py|sh|md|theme))\b")


@functools.cache
def tree():
    """Every file's path, and its ends: model/moves.h of core/model/moves.h."""
    ends = set()
    for folder, folders, names in os.walk(TOP):
        folders[:] = [f for f in folders if not f.startswith((".", "build"))]
        for name in names:
            parts = os.path.relpath(os.path.join(folder, name), TOP).split(os.sep)
            ends.update("/".join(parts[i:]) for i in range(len(parts)))
    return ends


def rule_paths_in_comments(path, text):
    """Files that a comment names by their folder exist: a file that moves takes its mentions with it."""
    if not path.endswith((".c", ".h", ".sql")):
        return []
    comment = r"/\*.*?\*/|//[^\n]*" if not path.endswith(".sql") else r"--[^\n]*"
    return [
        (text.count("\n", 0, m.start() + n.start()) + 1, f"{n.group(1)}: there is no such file")
        for m in re.finditer(comment, text, flags=re.S)
        for n in COMMENTED_PATH.finditer(m.group(0))
        if n.group(1) not in tree()
    ]


def health_reasons():
    """The reasons for which `watch --once` ends with another code than 0, as tui/view/health.c gives them."""
    with open(os.path.join(TOP, "tui/view/health.c"), encoding="utf-8") as file:
        text = file.read()
    table = re.search(r"\} warnings\[\] = \{(.*?)\n\};", text, re.S)
    return re.findall(r'"([^"]+)"', table.group(1)) + re.findall(r'\*why = "([^"]+)"', text)


def rule_health_reasons(path, text):
    """Who reads an exit code finds each of its reasons, in the words that the program prints."""
    if path not in ("docs/watching.md", "docs/cli.md"):
        return []
    flat = " ".join(text.split())
    return [(1, f'"{reason}" is a reason of `watch --once`, and is not described') for reason in health_reasons() if reason not in flat]


GROUPS = ("store", "theme")


def call(verb, rest):
    """Words and flags of one call of the program; `rest` is what follows its first word."""
    action = re.match(r" ([a-z]+)\b", rest)
    words = (verb, action.group(1)) if verb in GROUPS and action else (verb,)
    return words, re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest)


def commands(text):
    """(line, words, flags) of every call of the program that a document shows: in a code block, or as inline code."""
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            fenced = not fenced
        start = r"^\s*(?:\$ )?" if fenced or line.startswith("    ") else "`"
        for match in re.finditer(start + r"(?:\S*/)?(?:tenantmv|run) ([a-z]+)([^`#|]*)", line):
            yield number, *call(*match.groups())


def sql_sentences(text):
    """(line, text) of every string literal of SQL; what stands in a comment is none."""
    for match in re.finditer(r"--[^\n]*|'((?:[^']|'')*)'", text):
        if match.group(1):
            yield text.count("\n", 0, match.start()) + 1, match.group(1)


def spoken_commands(sentences):
    """The same of string literals. "tenantmv does it" is a sentence: a word alone is a verb behind a colon or a backtick and on
    the lines of an example."""
    for line, value in sentences:
        for match in re.finditer(r"(^ +|`|: |\\n *|(?<![\w/.-]))tenantmv ([a-z]+)\b((?:\\\"|[^`#|\\;])*)", value):
            words, flags = call(*match.groups()[1:])
            if match.group(1) or flags:
                yield line, words, flags


def rule_commands(path, text, verb_help):
    """Verbs and flags that a document or a message shows exist; verb_help(words) is the verb's help, or None."""
    if path.endswith(".md"):
        shown = commands(text)
    elif path.startswith(("lib/", "core/", "tui/")) and path.endswith((".c", ".h")):
        shown = spoken_commands(clex.sentences(text))
    elif path.startswith("core/") and path.endswith(".sql"):
        shown = spoken_commands(sql_sentences(text))
    else:
        return []
    found = []
    for line, words, flags in shown:
        verb = " ".join(words)
        if verb in ("bench", "build", "chaos", "help", "lint", "model", "mutants", "packages", "tenantmv", "test"):
            continue
        known = verb_help(words)
        if known is None:
            found.append((line, f"there is no verb {verb}"))
            continue
        found += [(line, f"{verb} has no {f}") for f in flags if not re.search(rf"(?<![\w-]){f}(?![\w-])", known)]
    return found


def help_of(program):
    cache = {}

    def verb_help(words):
        if words not in cache:
            done = subprocess.run([program, *words, "--help"], capture_output=True, text=True, timeout=60)
            cache[words] = done.stdout if done.returncode == 0 else None
        return cache[words]

    return verb_help


MOVES_TABLE = "core/model/moves.c"
FAULT_TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../lib/fault.c")


def fault_table(text):
    match = re.search(r"points\[\] = \{(.*?)\};", text, flags=re.S)
    return set(re.findall(r'"([^"]+)"', match.group(1))) if match else set()


def read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def rule_fault_points(path, text, read=None):
    """Every fault point stands in the table of lib/fault.c, which the chaos tests go through."""
    if not path.startswith("core/") or not path.endswith(".c"):
        return []
    read = read or read_text
    table = None
    found = []
    uses = r"fault_hit\(([^;]*?), (?:err|&\w+)\)"
    if path == MOVES_TABLE:  # its rows name the points around each move
        uses = r"= \{(\"[^;]*?)\}"
    for match in re.finditer(uses, text):
        table = table if table is not None else fault_table(read(FAULT_TABLE))
        for name in re.findall(r'"([^".]+\.[^"]+)"', match.group(1)):
            if name not in table:
                line = text.count("\n", 0, match.start()) + 1
                found.append((line, f"the fault point {name} is not in the table of lib/fault.c"))
    return found


def readable(text):
    try:
        clex.functions(text)
    except ValueError:
        return False  # rule_size says so
    return True


def uncalled(texts):
    """(path, line, message) of every function that other files may call and none does; texts: {path: text} of the tree.

    The public functions are for others to call. Static ones are the compiler's to find.
    """
    bare = {path: clex.strip(text) for path, text in texts.items() if path.endswith((".c", ".h"))}
    words, declared = collections.Counter(), collections.Counter()
    for path, text in bare.items():
        words.update(re.findall(r"\b[a-z]\w*", text))
        if path.endswith(".h"):
            declared.update(re.findall(r"^(?![ \t])[^;{}=()]*?\b(\w+)\([^{};]*;", text, flags=re.M))
    public = {w for path in bare if path.startswith("core/include/") for w in re.findall(r"\b[a-z]\w*", bare[path])}
    for path, text in texts.items():
        if not path.startswith(("lib/", "core/", "tui/")) or not path.endswith(".c"):
            continue
        for f in clex.functions(text) if readable(text) else ():
            if f.name in declared and f.name not in public and words[f.name] == declared[f.name] + 1:
                yield path, f.line, f"{f.name} is called by nothing"


# What a second dialect would be made of: what, where it has its home, what to write instead.
DIALECT = [
    (r"[!=]=\s*NULL\b", None, "a pointer is tested as p and !p"),
    (r"\b(strcpy|strncpy|strcat|strncat|sprintf|strlcpy)\(", None, "text_copy or a buffer of lib/buf.h"),
    (r'^\s*snprintf\([^;"]*, "%s",', None, "text_copy"),
    (r"\b(clock_gettime|gettimeofday)\(|\btime\(NULL\)", "lib/clock.c", "clock_now_us or clock_wall_us"),
    (r"\bpthread_create\(", "lib/thread.c", "thread_spawn"),
    (r"\bpthread_(mutex|cond)_init\(", "lib/lock.c", "lock_init, cond_init"),
    (r"\bpthread_cond_timedwait\(", "lib/lock.c", "cond_wait_until"),
    (r"\bcJSON_AddRaw\w*\(", "lib/json.c", "json_add_int64, json_add_decimal"),
    (r"\bwcwidth\(", "lib/utf8.c", "utf8_columns"),
    (r"^(static )?(bool|void|char \*)\s*\(?(fail|failure|set_error|error_set|json_int|add_integer|safe_text)\w*\)?\(", None,
     "errors and JSON have their helpers in lib"),
]


def rule_one_dialect(path, text):
    """One way to do it in lib, core and tui: what lib has is not made again beside it."""
    if not path.startswith(("lib/", "core/", "tui/")) or not path.endswith((".c", ".h")):
        return []
    code = clex.strip(text, keep_strings=True)
    found = []
    for pattern, home, instead in DIALECT:
        for match in re.finditer(pattern, code, flags=re.M) if path != home else ():
            line = code.count("\n", 0, match.start()) + 1
            found.append((line, f"{match.group(0).strip()}: {instead}"))
    return found


# What readers who are not native speakers stumble over, and what to write instead.
AVOIDED = [
    (r"stands?|stood", "is, exists, is stored"),
    (r"(?<!the user )nobody|somebody|whoever", "name who: no writer, another engine"),
    (r"so (?:long|far|many)", "this long, until now, this many"),
    (r"(?:go|goes|going|went) on", "continue"),
    (r"mend(?:s|ed|ing)?", "fix, repair, remove"),
    (r"anew", "again"),
    (r"for ?ever", "permanently, without a bound"),
    (r"at once", "immediately, at the same time"),
]
AVOIDED_WORD = re.compile(r"\b(?:" + "|".join(f"({words})" for words, _ in AVOIDED) + r")\b", re.I)


def prose(path, text):
    """(line, words) of what people read: a document without its code, or the messages and help texts of a source file."""
    if path.endswith(".md"):
        bare = re.sub(r"^```.*?^```", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S | re.M)
        yield from enumerate(re.sub(r"`[^`\n]*`", "``", bare).split("\n"), 1)
    elif path.startswith(("lib/", "core/", "tui/")) and path.endswith((".c", ".h")):
        yield from ((line, value) for line, value in clex.sentences(text) if " " in value)
    elif path.startswith("core/") and path.endswith(".sql"):
        bare = re.sub(r"--.*", "", text)
        yield from ((bare.count("\n", 0, m.start()) + 1, m.group(0)) for m in re.finditer(r"'[^']*'", bare))


def rule_plain_english(path, text):
    """Messages, help and documents use words that every reader at 3 a.m. knows."""
    found = []
    for line, words in prose(path, text):
        for match in AVOIDED_WORD.finditer(words):
            instead = AVOIDED[match.lastindex - 1][1]
            found.append((line, f'"{match.group(0)}": say {instead}'))
    return found


RULES = [
    rule_plain_english,
    rule_one_dialect,
    rule_fault_points,
    rule_arrows,
    rule_homes,
    rule_size,
    rule_no_sql_in_c,
    rule_locale,
    rule_sql_header,
    rule_no_mutable_globals,
    rule_nothing_unfinished,
    rule_links,
    rule_paths,
    rule_paths_in_comments,
    rule_health_reasons,
]


def files():
    for top in ("lib", "core", "tui", "tests", "docs"):
        for folder, folders, names in os.walk(top):
            folders[:] = [f for f in sorted(folders) if not f.startswith((".", "__"))]
            yield from (os.path.join(folder, n) for n in sorted(names))
    yield from (n for n in sorted(os.listdir(".")) if n.endswith(".md"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=".")
    parser.add_argument("--program")
    options = parser.parse_args()
    program = os.path.abspath(options.program) if options.program else None
    os.chdir(options.root)
    rules = list(RULES)
    if program:
        verb_help = help_of(program)
        rules.append(lambda path, text: rule_commands(path, text, verb_help))
    breaches = looked_at = 0
    texts = {}
    for path in files():
        if not path.endswith((".c", ".h", ".sql", ".md", ".py", ".sh")):
            continue
        looked_at += 1
        with open(path, encoding="utf-8") as file:
            text = texts[path] = file.read()
        for rule in rules:
            for line, message in rule(path, text):
                print(f"{path}:{line}: {message}")
                breaches += 1
    for path, line, message in uncalled(texts):
        print(f"{path}:{line}: {message}")
        breaches += 1
    print(f"{looked_at} files, {breaches} breaches")
    return 1 if breaches or not looked_at else 0


if __name__ == "__main__":
    sys.exit(main())
