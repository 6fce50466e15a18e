"""The class that a refusal is raised as: our own, and what each loaded SDK lets through.

SDKs retry what they do not know and wrap it; frameworks retry it again. The rule: a refusal
also inherits, from each that is loaded, the base class which that one neither retries nor
wraps. Nothing is imported for it; a library that is imported later is picked up by the next
refusal. Our ``__init__`` alone runs, so what a base sets in its own is set here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from wflo_otel.errors import PolicyViolationError, declared_class

#: What passes unretried and unwrapped, by module and name, and what its ``__init__`` would set.
#: Source: the exceptions that each library was seen to let through.
_BASES: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("openai", "OpenAIError"): {},
    ("anthropic", "AnthropicError"): {},
    ("crewai.hooks", "HookAborted"): {"reason": "", "source": "wflo_otel"},
    ("crewai.hooks.dispatch", "HookAborted"): {"reason": "", "source": "wflo_otel"},
    ("langgraph.errors", "GraphBubbleUp"): {},
    ("agents.exceptions", "AgentsException"): {"run_data": None},
}

_dressed: dict[tuple[type[BaseException], ...], type[PolicyViolationError]] = {}


def dress(error: PolicyViolationError) -> PolicyViolationError:
    """Return the same error as a class that the loaded SDKs and frameworks let through.

    It shows, pickles and copies as the class declared in :mod:`wflo_otel.errors`.
    """
    loaded = _loaded()
    if not loaded:
        return error
    declared = declared_class(type(error))
    key = (declared, *loaded)
    cls = _dressed.get(key)
    if cls is None:
        cls = _dressed[key] = _join(declared, tuple(loaded))
    made = cls.__new__(cls, *error.args)
    for base, attributes in loaded.items():
        if issubclass(cls, base):
            made.__dict__.update(attributes)
    if "reason" in made.__dict__:
        made.__dict__["reason"] = error.message
    made.__dict__.update(error.__dict__)
    made.__cause__, made.__context__ = error.__cause__, error.__context__
    return made


def _loaded() -> dict[type[BaseException], Mapping[str, object]]:
    found: dict[type[BaseException], Mapping[str, object]] = {}
    for (module, name), attributes in _BASES.items():
        base = getattr(sys.modules.get(module), name, None)
        if isinstance(base, type) and issubclass(base, Exception):
            found[base] = attributes
    return found


def _join(
    declared: type[PolicyViolationError], loaded: tuple[type[BaseException], ...]
) -> type[PolicyViolationError]:
    """Add one base after the other; one that does not go with the rest is left out."""
    joined, bases = declared, (declared,)
    shown = {
        "__module__": declared.__module__,
        "__qualname__": declared.__qualname__,
        "__doc__": declared.__doc__,
    }
    for base in loaded:
        try:
            joined = type(declared.__name__, (*bases, base), dict(shown))
        except TypeError:
            continue
        bases = (*bases, base)  # type: ignore[assignment]  # one longer each time
    return joined
