"""Requests that look like a call to a model although no route knows them.

Plain on purpose: it says what to warn of, not what something costs.
"""

from __future__ import annotations

from collections.abc import Sized

from wflo_otel.wire.body import read_object

#: A larger body is not looked at, in bytes.
MAX_LOOKED_AT = 8 * 1024 * 1024

_CONTENT = ("messages", "input", "contents", "prompt")
_CONTENT_KEYS = tuple(f'"{key}"'.encode() for key in _CONTENT)


def model_asked(body: object) -> str | None:
    """The model that a body names beside something for it to read; ``None``: it does not.

    For a POST that :func:`wflo_otel.wire.route.recognise` does not know. ``body`` is JSON in
    bytes, or what it is made of; bytes are parsed only where the keys are in them.
    """
    request: object = body
    if isinstance(body, bytes):
        request = read_object(body) if _may_ask(body) else None
    if not isinstance(request, dict):
        return None
    model = request.get("model")
    if not isinstance(model, str) or not model:
        return None
    return model if any(_is_content(request.get(key)) for key in _CONTENT) else None


def _may_ask(body: bytes) -> bool:
    if len(body) > MAX_LOOKED_AT or b'"model"' not in body:
        return False
    return any(key in body for key in _CONTENT_KEYS)


def _is_content(value: object) -> bool:
    # By its length: what else can be put into JSON may have no truth of its own.
    return isinstance(value, Sized) and len(value) > 0
