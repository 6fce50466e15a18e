"""Three agents at once, each a program of its own."""

import subprocess
import sys
from pathlib import Path

AGENTS = ("researcher.py", "writer.py", "narrator.py")


def main() -> None:
    here = Path(__file__).parent
    team = [subprocess.Popen([sys.executable, str(here / agent)]) for agent in AGENTS]
    for agent, process in zip(AGENTS, team, strict=True):
        if process.wait() != 0:
            print(f"team        {agent} did not finish; the others did their part")


if __name__ == "__main__":
    main()
