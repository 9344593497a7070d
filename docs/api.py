#!/usr/bin/env python3
"""Writes the reference of the public headers, docs/api.md, or checks it.

usage: api.py [--check] [--headers DIR] [--out FILE]

Reads what clang-format has laid out. The comment right above a declaration, or behind it on its line, is its docstring;
the first comment of a header is its prologue; `/* ---- name ---- */` begins a section.

--check writes nothing and ends with 1 when
  - the file is not what the headers say,
  - a function has no docstring,
  - a function that takes `struct tmv_error *` does not name its errors: "Errors:" or a code (NOT_FOUND) in its docstring,
    or a line "Errors of every call:" in the prologue,
  - a function that takes none does not say how it fails: "Cannot fail", "NULL:" or "False" (when, if, unless) in its
    docstring, or a line "Cannot fail: every function that takes no `err`." ("of this header") in the prologue.
"""

import argparse
import difflib
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INTRO = """# API reference

Written by `python3 docs/api.py` from the headers in `core/include/tenantmv/`; do not edit it. A C program includes a header
as `#include "tenantmv/router.h"` and is linked with `pkg-config --cflags --libs tenantmv`. A whole one, which a test builds and
runs, is [example.c](example.c).

"""
ORDER = ("error", "types", "log", "control", "router", "engine", "snapshot", "preflight", "verify", "record", "stores")

ALL_ERRORS = re.compile(r"\bErrors of every call\b[^.]*:")
TAKES_ERROR = re.compile(r"(?<!const )struct tmv_error \*\w+")
NONE_FAIL = re.compile(r"\bCannot fail: every function (that takes no `err`|of this header)")
SAYS_ERRORS = r"\bErrors?\b[^.]*:|\b({codes})\b"
SAYS_NO_ERROR = re.compile(r"\bCannot fail\b|\bNULL:|\bFalse\b|\bReturns (false|NULL)\b")

PIECE = re.compile(
    r"""(?P<blank>\n\s*\n)
      | (?P<space>\s+)
      | (?P<comment>/\*.*?\*/)
      | (?P<define>\#define(?:[^\n]*\\\n)*[^\n]*)
      | (?P<line>\#[^\n]*)
    """,
    re.X | re.S,
)


class Header:
    """prologue, and items: ("section", name) or (kind, name, code, doc, line) with kind function, type or define."""

    def __init__(self, name, text):
        self.name, self.prologue, self.items = name, "", []
        self.read(text)

    def read(self, text):
        at, doc, first = 0, "", True
        while at < len(text):
            match = PIECE.match(text, at)
            kind, line = match.lastgroup if match else "code", text.count("\n", 0, at) + 1
            end = match.end() if match else end_of_declaration(text, at)
            if end < 0:
                raise ValueError(f"{self.name}:{line}: a declaration that does not end")
            piece, at = text[at:end], end
            if kind == "blank":
                doc = ""
            elif kind == "comment":
                if first:
                    self.prologue = plain(piece)
                elif section(piece):
                    self.items.append(("section", section(piece)))
                else:
                    doc = plain(piece)
                first = False
            elif kind in ("define", "code"):
                trailing = re.compile(r"[ \t]*(/\*.*?\*/)[ \t]*(?=\n|$)", re.S).match(text, at)
                if trailing and kind == "code":
                    at = trailing.end()
                    doc = (doc + " " + plain(trailing.group(1))).strip()
                self.items.append((*describe(kind, piece), piece.strip(), doc, line))
                doc = ""

    def functions(self):
        return [item for item in self.items if item[0] == "function"]


def end_of_declaration(text, at):
    """Index behind its semicolon; -1: it has none. Comments and strings count for nothing."""
    depth = 0
    for match in re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\])*"|[{};]', re.S).finditer(text, at):
        depth += {"{": 1, "}": -1}.get(match.group(0), 0)
        if match.group(0) == ";" and depth == 0:
            return match.end()
    return -1


def section(comment):
    match = re.fullmatch(r"/\* -{2,} (.*?) -{2,} \*/", comment)
    return match.group(1) if match else None


def plain(comment):
    """A comment's text: its paragraphs, each on one line."""
    text = re.sub(r"^[ \t]*\*?[ \t]?", "", comment[2:-2], flags=re.M)
    paragraphs = re.split(r"\n\s*\n|\n(?=- )", text.strip())
    return "\n\n".join(re.sub(r"\s+", " ", paragraph).strip() for paragraph in paragraphs)


def describe(kind, code):
    """(kind, name) of a piece of code."""
    if kind == "define":
        return "define", re.match(r"#define\s+(\w+)", code).group(1)
    function = re.search(r"(\w+)\s*\((?!\()", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", code))
    tag = re.match(r"\s*(struct|enum|union)\s+(\w+)\s*(\{|;)", code)
    if tag:
        return "type", f"{tag.group(1)} {tag.group(2)}"
    if "TMV_API" in code:
        return "function", function.group(1)
    return "type", function.group(1) if function else code.split()[-1].rstrip(";")


# ---- the check ----


def codes(headers):
    """Names of the error codes, as error.h lists them."""
    for header in headers:
        for item in header.items:
            if item[0] == "type" and item[1] == "enum tmv_code":
                return re.findall(r"\bTMV_ERR_(\w+)", item[2])
    return []


def breaches(headers):
    """Lines that say which function's docstring lacks what."""
    names = codes(headers)
    says_errors = re.compile(SAYS_ERRORS.format(codes="|".join(names) or "(?!)"))
    for header in headers:
        for _, name, code, doc, line in header.functions():
            takes_err = TAKES_ERROR.search(code)
            if not doc:
                yield f"{header.name}:{line}: {name} has no docstring"
            elif takes_err and not says_errors.search(doc) and not ALL_ERRORS.search(header.prologue):
                yield f"{header.name}:{line}: {name} does not name its errors"
            elif not takes_err and not SAYS_NO_ERROR.search(doc) and not NONE_FAIL.search(header.prologue):
                yield f"{header.name}:{line}: {name} does not say how it fails, or that it cannot"


# ---- the page ----


def markdown(text):
    """Text with what Markdown would take for its own escaped, outside `code`."""
    parts = re.split(r"(`[^`\n]*`)", text)
    parts[::2] = [re.sub(r"([*<\[\]|])|(?<!\w)(_)|(_)(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def page(headers):
    out = [INTRO, "".join(f"- [tenantmv/{h.name}](#tenantmv{h.name.replace('.', '')})\n" for h in headers)]
    for header in headers:
        out.append(f"\n## tenantmv/{header.name}\n\n{markdown(header.prologue)}\n")
        for item in header.items:
            if item[0] == "section":
                out.append(f"\n### {header.name}: {item[1]}\n")
                continue
            _, name, code, doc, _ = item
            out.append(f"\n#### `{name}`\n\n```c\n{code}\n```\n")
            if doc:
                out.append(f"\n{markdown(doc)}\n")
    return "".join(out)


def read_headers(folder):
    names = [name[:-2] for name in os.listdir(folder) if name.endswith(".h")]
    names.sort(key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    headers = []
    for name in names:
        with open(os.path.join(folder, name + ".h"), encoding="utf-8") as file:
            headers.append(Header(name + ".h", file.read()))
    return headers


def check(headers, path):
    found = list(breaches(headers))
    print("".join(line + "\n" for line in found), end="")
    try:
        with open(path, encoding="utf-8") as file:
            written = file.read()
    except FileNotFoundError:
        written = ""
    wanted = page(headers)
    if written != wanted:
        sys.stdout.writelines(
            difflib.unified_diff(written.splitlines(True), wanted.splitlines(True), path, "the headers", n=1)
        )
        print(f"\n{path} is out of date: python3 docs/api.py")
    return int(bool(found) or written != wanted)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--headers", default=os.path.join(HERE, "../core/include/tenantmv"))
    parser.add_argument("--out", default=os.path.join(HERE, "api.md"))
    given = parser.parse_args(arguments)
    headers = read_headers(given.headers)
    if given.check:
        return check(headers, given.out)
    with open(given.out, "w", encoding="utf-8") as file:
        file.write(page(headers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
