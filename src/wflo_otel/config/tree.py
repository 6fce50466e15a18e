"""What was written in a policy file, with lines, before anybody has judged it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

#: A larger file is no policy.
MAX_CHARACTERS = 2**20


@dataclass(frozen=True, slots=True)
class Text:
    """A word or number as written. ``tag`` is what YAML takes it for, such as ``int``."""

    text: str
    line: int
    tag: str = "str"

    def __str__(self) -> str:
        return "an empty value" if self.tag == "null" else "a single value"


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Tree, ...]
    line: int

    def __str__(self) -> str:
        return "a list"


@dataclass(frozen=True, slots=True)
class Table:
    """Keys and their values, each key once."""

    entries: tuple[tuple[Text, Tree], ...]
    line: int

    def __str__(self) -> str:
        return "a mapping"


Tree: TypeAlias = Text | Items | Table
