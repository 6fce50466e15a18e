"""How much a test tries: a little in the short run, much more in ``.ci/run --long``."""

import os

LONG = os.environ.get("SUITE_LONG") == "1"


def times(short: int, long: int) -> int:
    """So many times in the short run, so many in the long one."""
    return long if LONG else short
