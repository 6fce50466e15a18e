"""What we add to one call of the OpenAI SDK, beside what one bare span adds there.

The same instrument as for the others (:mod:`observe`), in this environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

from measure import Row, Target
from observed_times import STREAM
from peers import seen

#: Each with what it is called in a row.
_VARIANTS = {"wflo_otel": "", "wflo_otel-traced": ", HTTP spans included"}


def rows() -> list[Row]:
    """Calls one by one and many at once, with prompts of 1 kB and of 10 kB, and streams."""
    return [row for name, variant in _VARIANTS.items() for row in _rows(name, variant)]


def _rows(name: str, variant: str) -> list[Row]:
    times = seen(Path(sys.executable), "times", name)["times"]
    medians = {
        way: (added["observed"]["cpu"][1], added["span"]["cpu"][1])
        for way, added in times["ways"].items()
    }
    chunk, _ = medians.pop(STREAM)
    return [
        *[
            _row(f"{way}{variant}", ours, span, "bare span there", 2.0)
            for way, (ours, span) in medians.items()
        ],
        _row(f"{STREAM}{variant}", chunk, times["parse_chunk"], "json.loads", 1.0),
    ]


def _row(way: str, ours: float, other: float, against: str, most: float) -> Row:
    target = Target("ratio", most)
    return Row(f"what we add: {way}", ours, "µs", other, against, ours / other, target)
