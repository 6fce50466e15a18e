"""Policy files: read one, and read it again when it has changed.

A bad file never replaces a good policy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from wflo_otel.config.problems import PolicyFileError, Problems
from wflo_otel.config.reader import read_policy
from wflo_otel.config.tree import MAX_CHARACTERS
from wflo_otel.core.policy import Policy

_Stamp: TypeAlias = tuple[int, int, int]


def parse_policy(text: str, source: str = "wflo.yaml") -> Policy:
    """Read a policy from YAML or JSON. ``source`` is what messages call the text.

    Raises:
        PolicyFileError: it is no policy; ``problems`` lists all that is wrong with it.
    """
    from wflo_otel.config.compose import compose  # a parser of YAML, only where there is some

    problems = Problems(source)
    policy = read_policy(compose(text, problems), problems)
    if problems:
        raise problems.error()
    return policy


def load_policy(path: str | Path) -> Policy:
    """Read a policy from a file in UTF-8.

    Raises:
        PolicyFileError: the file cannot be read, or is no policy.
    """
    return parse_policy(_text(Path(path)), str(path))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # Four bytes are the most a character takes; the parser counts characters.
            content = file.read(4 * MAX_CHARACTERS + 1)
    except FileNotFoundError:
        message = f"{path}: no such file (`wflo init` writes one)"
        raise PolicyFileError((message,)) from None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or type(error).__name__}"
        raise PolicyFileError((message,)) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PolicyFileError((f"{path}:{line}: is not UTF-8",)) from None


class PolicyFile:
    """A policy file in use, which may change while the program runs.

    Attributes:
        path: where it is.
        policy: the last good policy it held.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the file.

        Raises:
            PolicyFileError: the file cannot be read, or is no policy.
        """
        self.path = Path(path)
        self._stamp = self._look()
        self.policy = load_policy(path)

    def changed(self) -> bool:
        """Whether the file is another than the one last read: one ``stat``, no reading."""
        return self._look() != self._stamp

    def reload(self) -> PolicyFileError | None:
        """Read the file again; return what is wrong with it, and then keep the old policy."""
        # Before reading: a change in between is then seen by the next `changed`.
        self._stamp = self._look()
        try:
            self.policy = load_policy(self.path)
        except PolicyFileError as problem:
            return problem
        return None

    def _look(self) -> _Stamp | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
