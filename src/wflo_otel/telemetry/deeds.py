"""What the spans of tools show of what was asked and answered, in every dialect.

The rules: it is read only where somebody watches for loops, compared, and never kept or told.
Of what a tool has answered itself nothing is left out: there may be progress in any of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

from opentelemetry.trace import Span

from wflo_otel.core.loop import Deed
from wflo_otel.telemetry.dialects import Attributes, attributes_of

_Around: TypeAlias = tuple[tuple[str, frozenset[str]], ...]

#: Where the arguments and the answer stand: the GenAI conventions, OpenLLMetry, OpenInference.
_ASKED = ("gen_ai.tool.call.arguments", "traceloop.entity.input", "input.value")
_ANSWERED = ("gen_ai.tool.call.result", "traceloop.entity.output", "output.value")
#: What is put around them, and differs each time, is known by all of its keys.
_AROUND_ASKED = (
    ("input_str", frozenset({"input_str", "inputs", "tags", "metadata", "kwargs"})),
    ("inputs", frozenset({"inputs", "tags", "metadata", "kwargs"})),
)
_AROUND_ANSWERED = (
    ("output", frozenset({"output", "kwargs"})),
    ("outputs", frozenset({"outputs", "kwargs"})),
    ("data", frozenset({"type", "data"})),
)
#: LangChain's messages of tools, and its way to write any object, are known by one key.
_MARKED = (("tool_call_id", "content"), ("lc", "kwargs"))
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


def _inside(text: str | None, around: _Around) -> str | None:
    """The text inside of what a framework has put around it; else all of it."""
    if text is None:
        return None
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return text
    for _ in range(_DEPTH):
        key = _key_of(held, around) if isinstance(held, dict) else None
        if key is None or held.get(key) is None:
            break
        held = held[key]
    return held if isinstance(held, str) else json.dumps(held)


def _key_of(held: Mapping[str, object], around: _Around) -> str | None:
    """Under which key the text stands in something that a framework wrote."""
    keys = held.keys()
    marked = (inner for mark, inner in _MARKED if mark in keys)
    wrapped = (inner for inner, whole in around if inner in keys and keys <= whole)
    return next(marked, None) or next(wrapped, None)
