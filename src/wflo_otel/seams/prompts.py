"""How much text a function is about to send to a model, read from its arguments.

The rule: what looks like a prompt (a text, a list of messages) is counted, and nothing else;
nothing is kept but the texts that an exact tokenizer needs, and those only while the call is
admitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

#: As deep as texts lie: a state, its messages, a message, its parts, a part.
_DEPTH = 6
#: Longer lists are no conversation.
_LONGEST = 100_000
_TEXT_KEYS = ("content", "text", "prompt", "input", "parts", "messages")


@dataclass(slots=True)
class Prompt:
    """The texts that were found, and the number of messages."""

    texts: list[str] = field(default_factory=list, repr=False)
    messages: int = 0

    @property
    def chars(self) -> int:
        """How much text there is, in characters."""
        return sum(map(len, self.texts))


def prompt_of(values: Iterable[object]) -> Prompt:
    """Gather texts and messages from arguments, or from what ``prompt=`` returned."""
    found = Prompt()
    for value in values:
        _gather(value, found, _DEPTH)
    return found


def _gather(value: object, found: Prompt, depth: int) -> None:
    if isinstance(value, str):
        found.texts.append(value)
    elif depth and isinstance(value, list | tuple):
        found.messages += sum(_is_message(each) for each in value[:_LONGEST])
        for each in value[:_LONGEST]:
            _gather(each, found, depth - 1)
    elif depth:
        for name in _TEXT_KEYS:
            if (part := _get(value, name)) is not None:
                _gather(part, found, depth - 1)


def _is_message(value: object) -> bool:
    return _get(value, "content") is not None


def _get(value: object, name: str) -> object:
    """A mapping's item or an object's attribute, where it is a text or holds some."""
    if isinstance(value, Mapping):
        return value.get(name)
    part = getattr(value, name, None)
    return part if isinstance(part, str | list | tuple) else None
