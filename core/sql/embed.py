"""Turns every .sql file below a folder into a C string constant `sql_<name>`.

The leading comment of a file documents it and is not sent to a server:

    -- <what it does>
    -- database: control | store | source | target
    -- $1 type: meaning            (one line per parameter)
    -- script                      (present when the file holds several statements without parameters)

A fourth argument takes the place of the prefix `sql`, for another folder of statements in the same program.

The table `sql_catalogue` lists all of them, so that a test can prepare each on a live server.
"""

import os
import re
import sys


def parse(path):
    lines = open(path, encoding="utf-8").read().split("\n")
    header = []
    while lines and (lines[0].startswith("--") or not lines[0].strip()):
        header.append(lines.pop(0)[2:].strip())
    body = "\n".join(lines).strip()
    database = next((h.split(":", 1)[1].strip() for h in header if h.startswith("database:")), "")
    if database not in ("control", "store", "source", "target", "any"):
        sys.exit(f"{path}: the header needs a line '-- database: control|store|source|target|any'")
    return body, database, "script" in header


def c_string(text):
    out = []
    for line in text.split("\n"):
        escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("??", '?""?')
        out.append(f'    "{escaped}\\n"')
    return "\n".join(out) if out else '    ""'


def main():
    out_c, out_h, folder = sys.argv[1:4]
    prefix = sys.argv[4] if len(sys.argv) > 4 else "sql"
    paths = {}
    for place, _, found in os.walk(folder):
        for name in found:
            if not name.endswith(".sql"):
                continue
            if name[:-4] in paths:
                sys.exit(f"{name} is there twice: {paths[name[:-4]]} and {place}")
            paths[name[:-4]] = os.path.join(place, name)
    names = sorted(paths)
    with open(out_h, "w", encoding="utf-8") as h, open(out_c, "w", encoding="utf-8") as c:
        h.write("/* made from .sql files by the build */\n#pragma once\n#include <stddef.h>\n#include <stdbool.h>\n")
        h.write(f"struct {prefix}_entry {{ const char *name; const char *text; const char *database; bool script; }};\n")
        h.write(f"extern const struct {prefix}_entry {prefix}_catalogue[];\nextern const size_t {prefix}_catalogue_count;\n")
        c.write(f'/* made from .sql files by the build */\n#include "{os.path.basename(out_h)}"\n')
        rows = []
        for name in names:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                sys.exit(f"{name}.sql: names are lower case words joined by _")
            body, database, script = parse(paths[name])
            h.write(f"extern const char {prefix}_{name}[];\n")
            c.write(f"const char {prefix}_{name}[] =\n{c_string(body)};\n")
            rows.append(f'    {{"{name}", {prefix}_{name}, "{database}", {str(script).lower()}}},\n')
        c.write(f"const struct {prefix}_entry {prefix}_catalogue[] = {{\n" + "".join(rows) + "};\n")
        c.write(f"const size_t {prefix}_catalogue_count = {len(names)};\n")


main()
