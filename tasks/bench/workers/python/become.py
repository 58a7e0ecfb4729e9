"""`become.py ENVIRONMENT ARGUMENTS`: becomes that environment's Python, in the same process."""

import os
import sys

folder, *arguments = sys.argv[1:]
windows = os.name == "nt"
python = os.path.join(folder, "Scripts" if windows else "bin", "python.exe" if windows else "python")
os.execv(python, [python, *arguments])
