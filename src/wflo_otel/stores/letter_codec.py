"""Dead letters as compact JSON. The payload stands beside it, as the bytes it is."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from wflo_otel.core.dead_letter import DeadLetter, ErrorFact, LetterState
from wflo_otel.stores.codec import CodecError

#: Raised when a field changes its meaning; a new field with a default needs no new version.
VERSION = 1

_PLAIN = tuple(
    each.name for each in fields(DeadLetter) if each.name not in {"errors", "payload", "state"}
)


def encode_letter(letter: DeadLetter) -> str:
    """Write a letter without its payload."""
    plain: dict[str, Any] = {name: getattr(letter, name) for name in _PLAIN}
    plain |= {
        "v": VERSION,
        "state": letter.state.value,
        "errors": [[each.type, each.message] for each in letter.errors],
    }
    return json.dumps(plain, separators=(",", ":"))


def decode_letter(text: str, payload: bytes | None = None) -> DeadLetter:
    """Read a letter.

    Raises:
        CodecError: it cannot be read.
    """
    try:
        plain = json.loads(text)
        if plain["v"] != VERSION:
            raise CodecError("a dead letter of another version")
        found = DeadLetter(
            errors=tuple(ErrorFact(*each) for each in plain["errors"]),
            state=LetterState(plain["state"]),
            **{name: plain[name] for name in _PLAIN if name in plain},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError(f"unreadable dead letter: {type(error).__name__}") from error
    return replace(found, payload=payload)
