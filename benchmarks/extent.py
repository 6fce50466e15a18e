"""How much a benchmark measures: enough to quote, or just enough to see that it runs.

``BENCH_TINY=1`` asks for the second; what it prints means nothing.
"""

import os

IS_TINY = os.environ.get("BENCH_TINY") == "1"


def times(whole: int, tiny: int) -> int:
    """So many times to measure, so many to try the program."""
    return tiny if IS_TINY else whole
