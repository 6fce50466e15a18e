"""Write the traces that this environment can produce.

::

    PYTHONPATH=src:tests python -m loops_corpus DIRECTORY [FRAMEWORK ...]

Each framework has its own file in each set; those of frameworks that are not installed are left
out. The corpus that is there is frozen, so a directory has to be named.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from loops_corpus.frameworks import FRAMEWORKS, is_installed
from loops_corpus.plan import scenarios
from loops_corpus.produce import produce
from loops_corpus.trace import SETS


def main() -> None:
    """Produce and write."""
    parser = argparse.ArgumentParser(prog="python -m loops_corpus")
    parser.add_argument("directory", type=Path, help="where the sets are written")
    here = [framework for framework in FRAMEWORKS if is_installed(framework)]
    parser.add_argument("framework", nargs="*", help="all that are installed by default")
    chosen = parser.parse_args()
    unknown = set(chosen.framework) - set(here)
    if unknown:
        parser.error(f"not installed here: {', '.join(sorted(unknown))}")
    for name in SETS:
        for framework in chosen.framework or here:
            planned = [each for each in scenarios(name) if each.framework == framework]
            lines = [produce(each).as_line() for each in planned]
            path = chosen.directory / name / f"{framework}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            print(f"{path.name}: {len(lines)} traces of the {name} set")


if __name__ == "__main__":
    main()
