"""Values that are made for each call: frozen for the type checker, plain at run time.

The rule: nobody assigns to one, and mypy refuses who tries. A dataclass that also refuses at run
time takes four times as long to make (1.5 µs instead of 0.3 for a usage), and a call makes a
dozen of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make a class a value: compared and hashed by its fields, and not to be assigned to."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
