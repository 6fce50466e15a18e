"""Options given as Python keywords, judged by the kinds that judge the policy file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wflo_otel.config.options import Option
from wflo_otel.config.plain import text_of
from wflo_otel.config.problems import nearest
from wflo_otel.errors import ConfigError


def options_of(known: Sequence[Option], what: str, given: Mapping[str, object]) -> dict[str, Any]:
    """Read keywords as fields of the options' dataclass.

    Args:
        known: the options there are.
        what: whose keywords they are, for the message.
        given: as they were written; ``None`` counts as left out.

    Raises:
        ConfigError: a keyword is unknown, or its value is of the wrong kind or out of range.
    """
    by_key = {option.key: option for option in known}
    found: dict[str, Any] = {}
    for key, value in given.items():
        option = by_key.get(key)
        if option is None:
            meant = nearest(key, by_key)
            hint = f"did you mean {meant}?" if meant else f"known: {', '.join(by_key)}"
            raise ConfigError(f"{what}: {key} is no option ({hint})")
        if value is None:
            continue
        try:
            found[option.field] = option.kind.read(text_of(value))
        except ValueError as problem:
            raise ConfigError(f"{what}: {key}: {problem}") from None
    return found
