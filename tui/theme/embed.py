"""Turns the .theme files named after the output into C strings: `embedded_themes`, in the order of their names.

A theme is then there by its name wherever the program runs, installed or not.
"""

import os
import sys


def c_string(text):
    return "\n".join('        "' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"' for line in text.splitlines())


def main():
    out, files = sys.argv[1], sorted(sys.argv[2:])
    with open(out, "w", encoding="utf-8") as c:
        c.write("/* made from themes/ by the build */\n")
        c.write('#include "theme/embedded.h"\n\nconst struct embedded_theme embedded_themes[] = {\n')
        for path in files:
            name = os.path.basename(path)[: -len(".theme")]
            with open(path, encoding="utf-8") as f:
                c.write(f'    {{"{name}",\n{c_string(f.read())}}},\n')
        c.write("    {0, 0},\n};\n")


main()
