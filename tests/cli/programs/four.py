"""Four processes that ask at once: ``four.py COUNT [MAX_TOKENS]``."""

import subprocess
import sys
from pathlib import Path

ASK = Path(__file__).with_name("ask.py")
started = [subprocess.Popen([sys.executable, str(ASK), *sys.argv[1:]]) for _ in range(4)]
for each in started:
    each.wait()
