"""A policy inside another program's configuration: plain data, as its parser gave it.

The rule: the same keys and the same messages as in a policy file; only the lines are not known.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.config.problems import Problems
from wflo_otel.config.reader import read_policy
from wflo_otel.config.tree import Items, Table, Text, Tree
from wflo_otel.core.policy import Policy

#: Deeper than any policy is; data that contains itself has no end.
_MAX_DEPTH = 16
_NO_LINE = 0


def policy_of(data: Mapping[str, object], source: str = "policy") -> Policy:
    """Read a policy from a mapping. ``source`` is what messages call it.

    Raises:
        PolicyFileError: it is no policy; ``problems`` lists all that is wrong with it.
    """
    problems = Problems(source)
    policy = read_policy(_tree(data, problems, 0), problems)
    if problems:
        raise problems.error()
    return policy


def _tree(value: object, problems: Problems, depth: int) -> Tree:
    if depth > _MAX_DEPTH:
        problems.add(_NO_LINE, "", f"nested deeper than {_MAX_DEPTH} levels")
        raise problems.error()
    if isinstance(value, Mapping):
        entries = value.items()
        return Table(
            tuple((text_of(key), _tree(inner, problems, depth + 1)) for key, inner in entries),
            _NO_LINE,
        )
    if isinstance(value, list | tuple):
        return Items(tuple(_tree(each, problems, depth + 1) for each in value), _NO_LINE)
    return text_of(value)


def text_of(value: object) -> Text:
    """What a plain value would be as a word in a file."""
    if value is None:
        return Text("", _NO_LINE, "null")
    if isinstance(value, bool):
        return Text(str(value).lower(), _NO_LINE, "bool")
    if isinstance(value, int | float):
        return Text(str(value), _NO_LINE, type(value).__name__)
    return Text(str(value), _NO_LINE)
