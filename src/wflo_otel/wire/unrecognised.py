"""Requests that look like a call to a model although no route knows them.

Plain on purpose: it says what to warn of, not what something costs.
"""

from __future__ import annotations

from wflo_otel.wire.body import read_object

#: A larger body is not looked at, in bytes.
MAX_LOOKED_AT = 1024 * 1024

_CONTENT = ("messages", "input", "contents", "prompt")


def looks_like_llm(method: str, url: str, body: bytes) -> bool:
    """Whether a POST names a model and brings something for it to read.

    For a request that :func:`wflo_otel.wire.route.recognise` does not know. ``url`` is not
    looked at: a host that nobody knows may have any path.
    """
    del url
    if method.upper() != "POST" or len(body) > MAX_LOOKED_AT or b'"model"' not in body:
        return False
    request = read_object(body) or {}
    return isinstance(request.get("model"), str) and any(request.get(key) for key in _CONTENT)
