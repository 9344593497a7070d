#!/usr/bin/env python3
"""The committed reference of the command line is what the program says of itself.

usage: reference.py PROGRAM FILE
"""

import difflib
import subprocess
import sys


def main():
    program, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        written = file.read()
    said = subprocess.run([program, "help", "--markdown"], check=True, capture_output=True, text=True).stdout
    if written == said:
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(written.splitlines(True), said.splitlines(True), path, "tenantmv help --markdown")
    )
    print(f"\n{path} is out of date: {program} help --markdown >{path}")
    return 1


sys.exit(main())
