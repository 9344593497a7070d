"""Prints the paths of the .sql files below a folder, relative to it, a line each."""

import os
import sys

top = sys.argv[1]
paths = (os.path.relpath(os.path.join(folder, name), top) for folder, _, names in os.walk(top) for name in names)
print("\n".join(sorted(path for path in paths if path.endswith(".sql"))))
