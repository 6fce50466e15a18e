"""``python -m wflo_otel.cli.probes TARGET URL``: one probe, in a process of its own.

It writes one line of JSON to standard output: what the caller of each way saw, or why there was
nothing to call. Whatever the SDK prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from wflo_otel.cli.probes import ways_of
from wflo_otel.cli.probes.attempts import attempt_all
from wflo_otel.cli.probes.confine import stay_on_loopback

_GLANCE_S = 0.5


def main(target: str, url: str) -> None:
    """Probe, and write what happened."""
    answer = os.dup(1)
    os.dup2(2, 1)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    stay_on_loopback()
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        out.write(json.dumps(_probed(target, url)) + "\n")


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, who would have killed it."""
    while os.getppid() == parent:
        time.sleep(_GLANCE_S)
    os._exit(1)


def _probed(target: str, url: str) -> dict[str, object]:
    try:
        ways = ways_of(target)
    except Exception as error:  # noqa: BLE001  # it cannot be imported as it is installed here
        said = next(iter(str(error).splitlines()), "")
        return {"problem": f"{type(error).__name__}: {said}"}
    return {"attempts": attempt_all(ways, url)}


if __name__ == "__main__":
    main(*sys.argv[1:])
