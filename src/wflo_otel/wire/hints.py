"""Telling a model something in a request that is on its way: the last that it reads.

The rule: two messages of a user never follow each other where an API wants turns, and the
results of tools stay before the words.
"""

from __future__ import annotations

from wflo_otel.wire.body import JsonObject, items, mapping, objects

_TOOLS = ("tool", "function")


def add_message(request: JsonObject, hint: str) -> bool:
    """Append a user's message; ``False``: there is no conversation to append it to."""
    messages = items(request.get("messages"))
    if not messages:
        return False
    request["messages"] = [*messages, {"role": "user", "content": hint}]
    return True


def add_to_user(request: JsonObject, hint: str) -> bool:
    """Append to what the user says last, in the form of the parts that are there.

    A message of its own follows results of tools that are messages themselves. ``False``: the
    model has the last word, or none is there.
    """
    messages = items(request.get("messages"))
    last = mapping(messages[-1]) if messages else {}
    if last.get("role") in _TOOLS:
        return add_message(request, hint)
    content = _extended(last.get("content"), hint)
    if last.get("role") != "user" or content is None:
        return False
    request["messages"] = [*messages[:-1], {**last, "content": content}]
    return True


def _extended(content: object, hint: str) -> str | list[object] | None:
    if isinstance(content, str):
        return f"{content}\n\n{hint}"
    parts = objects(content)
    if not parts:
        return None
    part = {"type": "text", "text": hint} if "type" in parts[-1] else {"text": hint}
    return [*items(content), part]
