"""What the spans of tools show of what was asked and answered, in every dialect.

The rule: it is read only where somebody watches for loops, compared, and never kept or told.
"""

from __future__ import annotations

import json

from opentelemetry.trace import Span

from wflo_otel.core.loop import Deed
from wflo_otel.telemetry.dialects import Attributes, attributes_of

#: Where the arguments and the answer stand: the GenAI conventions, OpenLLMetry, OpenInference.
_ASKED = ("gen_ai.tool.call.arguments", "traceloop.entity.input", "input.value")
_ANSWERED = ("gen_ai.tool.call.result", "traceloop.entity.output", "output.value")
#: What they stand in, beside what differs each time: LangChain's callbacks and messages.
_AROUND_ASKED = ("input_str", "inputs")
_AROUND_ANSWERED = ("content", "output", "outputs", "kwargs", "data")
#: They are nested so deeply at most.
_DEPTH = 4


def deed_of(span: Span, name: str, error_type: str | None) -> Deed:
    """What a tool did, as its span shows it; an answer that is not shown is ``None``.

    ``error_type`` is what it failed with, if it did: that is an answer too.
    """
    attributes = attributes_of(span)
    asked = _first(attributes, _ASKED)
    answered = _first(attributes, _ANSWERED)
    if error_type is not None:
        return name, _inside(asked, _AROUND_ASKED), error_type
    return name, _inside(asked, _AROUND_ASKED), _inside(answered, _AROUND_ANSWERED)


def _first(attributes: Attributes, keys: tuple[str, ...]) -> str | None:
    return next((each for key in keys if isinstance(each := attributes.get(key), str)), None)


def _inside(text: str | None, around: tuple[str, ...]) -> str | None:
    """The text inside of what a framework has put around it; else all of it."""
    if text is None:
        return None
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return text
    for _ in range(_DEPTH):
        if not isinstance(held, dict):
            break
        key = next((key for key in around if held.get(key) is not None), None)
        if key is None:
            break
        held = held[key]
    return held if isinstance(held, str) else json.dumps(held)
