"""What lies between two states, as a JSON Patch.

Source: RFC 6902 (JSON Patch), of which ``add``, ``remove`` and ``replace`` are written, and
RFC 6901 (JSON Pointer) for the paths.

The rule: applied to the first document in order, the patch gives the second. It is small, not
the smallest: mappings are compared key by key, lists from both ends. Documents are what
``json.loads`` gives, and are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

#: One operation: ``op``, ``path`` and, but for ``remove``, ``value``.
Change: TypeAlias = dict[str, object]


def diff(before: object, after: object) -> list[Change]:
    """Say what has to change in one JSON document to make it another; nothing where equal."""
    return list(_changes(before, after, ""))


def _changes(before: object, after: object, path: str) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _in_mapping(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_list(before, after, path)
    elif not _is_same(before, after):
        yield {"op": "replace", "path": path, "value": after}


def _in_mapping(
    before: Mapping[str, object], after: Mapping[str, object], path: str
) -> Iterator[Change]:
    for key, value in before.items():
        inner = f"{path}/{_escaped(key)}"
        if key in after:
            yield from _changes(value, after[key], inner)
        else:
            yield {"op": "remove", "path": inner}
    for key, value in after.items():
        if key not in before:
            yield {"op": "add", "path": f"{path}/{_escaped(key)}", "value": value}


def _in_list(before: Sequence[object], after: Sequence[object], path: str) -> Iterator[Change]:
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    old, new = len(before) - tail, len(after) - tail
    both = min(old, new)
    for at in range(head, both):
        yield from _changes(before[at], after[at], f"{path}/{at}")
    for at in range(both, new):
        yield {"op": "add", "path": f"{path}/{at}", "value": after[at]}
    for at in reversed(range(both, old)):
        yield {"op": "remove", "path": f"{path}/{at}"}


def _common(one: Sequence[object], other: Sequence[object]) -> int:
    """How many items are the same from the start on."""
    at = 0
    while at < min(len(one), len(other)) and _is_same(one[at], other[at]):
        at += 1
    return at


def _is_same(one: object, other: object) -> bool:
    """Whether two values are the same in JSON, where ``true`` is not ``1``."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            _is_same(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return type(one) is type(other) and one == other


def _escaped(key: str) -> str:
    """A key as a part of a JSON Pointer (RFC 6901 §3)."""
    return key.replace("~", "~0").replace("/", "~1")
