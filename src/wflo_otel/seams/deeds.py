"""What a tool was asked and what it answered, as texts that a loop can be seen by.

The rules: they are compared and never kept, shown or told; what is large is read in part; what
cannot be written is nothing that anybody could compare.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import Span

from wflo_otel.core.call import Call, Status
from wflo_otel.core.loop import Deed
from wflo_otel.errors import PolicyViolationError
from wflo_otel.seams.active import Active
from wflo_otel.seams.functions import Invocation, is_generator
from wflo_otel.seams.outcomes import Outcome, Returned, status_of
from wflo_otel.telemetry.dialects import scope_of

#: So much of what is no text is written, in characters.
WRITTEN_CHARS = 64_000


def tell(now: Active, call: Call, deed: Deed, span: Span) -> None:
    """Tell what the tool of this span did; several instrumentations may tell of one tool."""
    with now.telemetry.share(call, span):
        now.engine.did(call, deed, scope_of(span))


def deed_of(name: str, invocation: Invocation, outcome: Outcome) -> Deed | None:
    """What a tool's function did; ``None``: it gave no answer that could be compared.

    An error is an answer; that it was cancelled, or refused by wflo, is none.
    """
    if status_of(outcome) not in {Status.OK, Status.ERROR} or is_generator(invocation.fn):
        return None
    if isinstance(outcome, Returned):
        answer = _text(outcome.value)
    elif isinstance(outcome.error, PolicyViolationError):
        return None
    else:
        answer = f"{type(outcome.error).__name__}: {_message(outcome.error)}"
    return name, _asked(invocation.args, invocation.kwargs), answer


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # a user's class
        return ""


def _asked(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    return _text({"args": list(args), **kwargs} if args else dict(kwargs))


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    pieces, size = list[str](), 0
    try:
        for piece in _ENCODER.iterencode(value):
            pieces.append(piece)
            size += len(piece)
            if size > WRITTEN_CHARS:
                break
    except Exception:  # noqa: BLE001  # a user's object, or one that holds itself: not comparable
        return None
    return "".join(pieces)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=repr)
