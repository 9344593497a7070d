"""Prints the names of the .sql files of a folder, a line each."""

import os
import sys

print("\n".join(sorted(n for n in os.listdir(sys.argv[1]) if n.endswith(".sql"))))
