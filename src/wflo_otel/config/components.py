"""The names of components under ``breakers``: ``openai``, ``model:gpt-4o``, ``tool:*``."""

from __future__ import annotations

from wflo_otel.config.problems import nearest, shown
from wflo_otel.wire.dialects import PROVIDERS

#: What a breaker may stand before.
KINDS = ("provider", "model", "agent", "tool")


def component_key(written: str) -> str:
    """Read the name of a component; a name alone is a provider's.

    Raises:
        ValueError: it names nothing that a breaker can stand before.
    """
    if not written.isprintable():
        raise ValueError(f"{shown(written)} has characters that cannot be shown (name it plainly)")
    kind, colon, name = written.partition(":")
    if not colon:
        return _provider(written)
    if kind not in KINDS:
        meant = nearest(kind, KINDS)
        hint = f"did you mean {meant}:?" if meant else f"write one of {', '.join(KINDS)}"
        raise ValueError(f"{shown(kind)} is no kind of component ({hint})")
    if not name.strip():
        raise ValueError(f"{shown(written)} names no {kind} (write {kind}:NAME, or {kind}:*)")
    return written


def _provider(name: str) -> str:
    if name == "*" or name in PROVIDERS:
        return f"provider:{name}"
    meant = nearest(name, PROVIDERS)
    hint = f"did you mean {meant}?" if meant else f"write model:{name}, agent:… or tool:…"
    raise ValueError(f"{shown(name)} is no provider that is known here ({hint})")
