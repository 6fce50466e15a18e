"""Replays a letter and is killed at a point; run as a program by the tests of replaying.

``python replay_crash.py STATE LETTER POINT``: the points are in :data:`POINTS`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

POINTS = ("before claim", "after claim", "before send", "after send", "before mark", "after mark")
_point = sys.argv[3] if len(sys.argv) > 3 else ""


def _pass(point: str) -> None:
    if point == _point:
        os.kill(os.getpid(), signal.SIGKILL)


def deliver(path: str, text: str) -> None:
    """What the letters call: it writes a line that survives the process."""
    _pass("before send")
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    _pass("after send")


def ask(base_url: str) -> str:
    """The same as a call to a model."""
    import openai

    with openai.OpenAI(base_url=base_url, api_key="test", max_retries=0) as client:
        messages = [{"role": "user", "content": "Is the tide in?"}]
        made = client.chat.completions.create(model="gpt-4o", messages=messages)
    _pass("after send")
    return made.choices[0].message.content


class Deadly:
    """The letters of a store, whose user is killed around a change."""

    def __init__(self, letters):
        self._letters, self._changes = letters, 0

    def letter(self, letter_id):
        return self._letters.letter(letter_id)

    def change(self, letter_id, become):
        change = ("claim", "mark")[self._changes]
        self._changes += 1
        _pass(f"before {change}")
        changed = self._letters.change(letter_id, become)
        _pass(f"after {change}")
        return changed


def main(state: str, letter_id: str) -> None:
    from wflo_otel.bootstrap import configure
    from wflo_otel.clock import SystemClock
    from wflo_otel.replay import replay

    configured = configure(state=f"sqlite:///{state}")
    replay(Deadly(configured.store.dead_letters), letter_id, SystemClock())


if __name__ == "__main__":
    sys.modules["replay_crash"] = sys.modules["__main__"]
    main(*sys.argv[1:3])
