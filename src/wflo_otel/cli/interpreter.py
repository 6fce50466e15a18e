"""Whether a command is a Python program, and how its interpreter is called.

Options as ``python --help`` lists them (3.11 to 3.14). Nothing is run here.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_PYTHON = re.compile(r"(python|pypy)(\d+(\.\d+)*)?t?", re.ASCII)
#: Options that take a value: the rest of the word, or the next one.
_VALUED = frozenset("WX")
_LONG_VALUED = "--check-hash-based-pycs"
#: Options that end the list: what follows them is the program.
_PROGRAM = frozenset("cm")
#: Options under which no program runs.
_NO_PROGRAM = frozenset("hV?")
#: Options that would keep a check from ending, or that mean the program's own text.
_DROPPED = frozenset("ix")
_SHEBANG_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python interpreter as a command calls it."""

    #: The interpreter and its own options, ready for ``-c``.
    argv: tuple[str, ...]
    #: The one-letter options among them.
    flags: frozenset[str]
    #: The script, module or ``-c``; empty where it reads standard input.
    program: str

    @property
    def runs_nothing(self) -> bool:
        """Whether it only shows its version or its help."""
        return bool(self.flags & _NO_PROGRAM)


def interpreter_of(command: Sequence[str]) -> Interpreter | None:
    """Find the interpreter of a command; ``None`` where the command is no Python program."""
    if is_python(command[0]):
        return _read_options(command)
    found = shutil.which(command[0])
    line = _interpreter_line(Path(found)) if found is not None else ()
    return _read_options((*line, command[0])) if line else None


def program_of(command: Sequence[str]) -> str:
    """What a command runs, for people: the script, the module, or the command itself."""
    program = _read_options(command).program if is_python(command[0]) else command[0]
    return "python" if program in {"", "-c"} else program


def is_python(word: str) -> bool:
    """Whether a word of a command names a Python interpreter."""
    return _PYTHON.fullmatch(Path(word).name.removesuffix(".exe")) is not None


def _interpreter_line(script: Path) -> tuple[str, ...]:
    """The interpreter that a script's first line names, where that is a Python."""
    try:
        with script.open("rb") as file:
            head = file.read(_SHEBANG_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    if not head or not head[0].startswith("#!"):
        return ()
    words = _words(head[0][2:])
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if word != "-S"]
    # Where the path is too long or has spaces, installers write a shell line that calls Python.
    if words and Path(words[0]).name == "sh" and len(head) > 1 and head[1].startswith("'''exec'"):
        words = _words(head[1].removeprefix("'''exec'"))[:1]
    return tuple(words) if words and is_python(words[0]) else ()


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _read_options(command: Sequence[str]) -> Interpreter:
    argv = [command[0]]
    flags: set[str] = set()
    words = iter(command[1:])
    for word in words:
        if word.startswith("--"):
            argv.append(word)
            if word == _LONG_VALUED:
                argv.extend(_next(words))
            continue
        if not word.startswith("-") or word == "-":
            return Interpreter(tuple(argv), frozenset(flags), "" if word == "-" else word)
        letters, valued, ending = _cluster(word[1:])
        flags |= set(letters)
        if kept := "".join(each for each in letters if each not in _DROPPED) + valued:
            argv.append("-" + kept)
        if valued and len(valued) == 1:
            argv.extend(_next(words))
        if ending:
            program = next(words, "") if ending == "m" else "-c"
            return Interpreter(tuple(argv), frozenset(flags), program)
    return Interpreter(tuple(argv), frozenset(flags), "")


def _cluster(letters: str) -> tuple[str, str, str]:
    """Split ``-uWerror``: plain letters, a letter with its value, the letter that ends it all."""
    for position, letter in enumerate(letters):
        if letter in _VALUED:
            return letters[:position], letters[position:], ""
        if letter in _PROGRAM:
            return letters[:position], "", letter
    return letters, "", ""


def _next(words: Iterator[str]) -> list[str]:
    return [next(words, "")]
