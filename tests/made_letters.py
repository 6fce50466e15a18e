"""Dead letters for tests."""

from __future__ import annotations

from typing import Any

from wflo_otel.core import codec
from wflo_otel.core.dead_letter import DeadLetter, ErrorFact

NOW = 1_700_000_000.0


def letter(letter_id: str = "l1", *args: Any, **fields: Any) -> DeadLetter:
    """A letter that can be replayed with these arguments."""
    given: dict[str, Any] = {
        "function": "agent:call",
        "name": "call",
        "attempts": 3,
        "errors": (ErrorFact("TimeoutError", "too slow"), ErrorFact("OSError")),
        "created_at": NOW,
        "changed_at": NOW,
        "run_id": "r",
        "agent": "writer",
        "trace_id": "t" * 32,
        "payload": codec.encode({"args": list(args), "kwargs": {}}),
    }
    return DeadLetter(letter_id, **given | fields)
