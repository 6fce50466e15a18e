"""The scripted model and its tools, while a framework runs them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from loops_corpus.script import ModelTurn, Planned
from wflo_otel.testing import Reply, ToolRequest
from wflo_otel.testing.provider import ReceivedRequest


class Stage:
    """Speaks the model's turns in order, and answers the calls that they ask for."""

    def __init__(self, turns: Sequence[ModelTurn]) -> None:
        self._turns = list(turns)
        self._failures = [list(turn.failures) for turn in turns]
        self._open: list[Planned] = []
        self._next = 0
        self._lock = threading.Lock()

    def reply(self, _: ReceivedRequest) -> Reply:
        """The model's next turn.

        Raises:
            IndexError: the framework asks for more turns than the script has.
        """
        with self._lock:
            failures = self._failures[self._next]
            if failures:
                return Reply(status=failures.pop(0), retry_after_s=0.001)
            turn = self._turns[self._next]
            self._next += 1
            self._open += turn.calls
        calls = tuple(ToolRequest(each.tool, each.arguments) for each in turn.calls)
        return Reply(text=turn.text or None, tool_calls=calls)

    def answer(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """What a tool answers to a call that the model asked for.

        Raises:
            LookupError: the model asked for no such call.
        """
        with self._lock:
            for planned in self._open:
                if planned.tool == tool and dict(planned.arguments) == dict(arguments):
                    self._open.remove(planned)
                    return planned.result
        raise LookupError(f"the script has no call of {tool}")
