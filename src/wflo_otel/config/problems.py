"""What is wrong with a policy file, and where: one line for each problem, never more.

All problems of a file are collected, so that its author mends it once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from wflo_otel.errors import ConfigError

#: Beyond this a word is no misspelling, and comparing it would only take time.
_LONGEST_WORD = 64
_SHOWN = 40
_PLAIN_KEY = re.compile(r"[\w*-]+", re.ASCII)


class PolicyFileError(ConfigError):
    """A policy file cannot be used. The message is the first problem of the file.

    Attributes:
        problems: every problem, in the order of the lines, each ready to be printed.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return self.problems[0]


class Problems:
    """The problems of one file, as they are found."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._found: list[tuple[int, str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, line: int, path: str, message: str) -> None:
        """Note a problem of the key at this path (``""``: of the whole file; line 0: of none)."""
        where = f"{self._source}:{line}: " if line else f"{self._source}: "
        self._found.append((line, f"{where}{path}: {message}" if path else f"{where}{message}"))

    def error(self) -> PolicyFileError:
        """Make the error to raise of what was found."""
        in_order = sorted(self._found, key=lambda problem: problem[0])
        return PolicyFileError(tuple(message for _, message in in_order))


def dotted(path: str, key: str) -> str:
    """Add a key to a path; one that would be hard to read there is put in quotes."""
    name = key if _PLAIN_KEY.fullmatch(key) else shown(key)
    return f"{path}.{name}" if path else name


def shown(text: str) -> str:
    """Quote what a user wrote, on one line and not too long."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Find the name that was probably meant."""
    if len(word) > _LONGEST_WORD:
        return None
    by_fold = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), by_fold, n=1)
    return by_fold[found[0]] if found else None
