"""``wflo dlq``: the calls that failed for good, and sending them again."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wflo_otel.cli import EXIT_USAGE
from wflo_otel.cli.launch import DEFAULT_POLICY
from wflo_otel.cli.policy import print_problems
from wflo_otel.cli.state import open_existing, path_of, url_of
from wflo_otel.cli.tables import letters_table
from wflo_otel.cli.terminal import plain, say, show
from wflo_otel.clock import SystemClock
from wflo_otel.config import PolicyFileError
from wflo_otel.core.dead_letter import DeadLetter, LetterState
from wflo_otel.errors import ConfigError, DeadLetterError, StoreError, WfloError
from wflo_otel.report import iso
from wflo_otel.stores import Store

_DAY_S = 86_400.0
#: More letters are in no state.
_ALL = 1_000_000


def states_of(words: Sequence[str]) -> tuple[LetterState, ...]:
    """The states that the command line names."""
    return tuple(LetterState(each.replace("-", " ")) for each in words)


def print_list(state: str | None, only: Sequence[LetterState], limit: int, *, as_json: bool) -> int:
    """Print the letters, newest first; return the exit code."""

    def work(store: Store) -> int:
        found = store.dead_letters.letters(only, limit)
        if as_json:
            _print_json({"dead_letters": [_as_json(each) for each in found]})
        elif found:
            show([letters_table(found)], to_stdout=True)
        else:
            say("no dead letters")
        return 0

    return _answered(state, work)


def print_letter(wanted: str, state: str | None, *, as_json: bool) -> int:
    """Print one letter with its arguments; return the exit code."""

    def work(store: Store) -> int:
        letter = store.dead_letters.letter(_id_of(store, wanted))
        plain_letter = {**_as_json(letter), "arguments": _arguments(letter)}
        if as_json:
            _print_json(plain_letter)
        else:
            sys.stdout.write("".join(_lines(plain_letter)))
        return 0

    return _answered(state, work)


def purge(state: str | None, only: Sequence[LetterState], older_than_days: float) -> int:
    """Drop letters; return the exit code."""

    def work(store: Store) -> int:
        before = time.time() - older_than_days * _DAY_S
        gone = store.dead_letters.purge(only or (LetterState.DONE,), before)
        say(f"{gone} dead letter{'' if gone == 1 else 's'} dropped")
        return 0

    return _answered(state, work)


def replay_letters(
    wanted: Sequence[str], state: str | None, policy: str | None, also: Sequence[LetterState]
) -> int:
    """Send letters again: those that are named, or all; return the exit code."""

    def work(store: Store) -> int:
        from wflo_otel.bootstrap import configure

        letters = store.dead_letters
        if wanted:
            ids = [_id_of(store, each) for each in wanted]
        else:
            found = letters.letters((LetterState.DEAD, *also), _ALL)
            ids = [each.letter_id for each in found[::-1]]  # in the order they were written
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
        configure(_policy(policy), url_of(path_of(state)), run_name="dlq replay")
        sent = [_replay(store, each, also) for each in ids]
        if not sent:
            say("no dead letters to replay")
        if doubted := len(letters.letters((LetterState.IN_DOUBT,), _ALL)):
            say(f"{doubted} in doubt: sent or not, nobody knows; --in-doubt sends them again")
        return 0 if all(sent) else 1

    return _answered(state, work)


def _replay(store: Store, letter_id: str, also: Sequence[LetterState]) -> bool:
    from wflo_otel.replay import replay

    try:
        letter = replay(store.dead_letters, letter_id, SystemClock(), also)
    except (DeadLetterError, StoreError) as error:
        say(str(error))
        return False
    why = f": {letter.errors[0].type}" if letter.state is not LetterState.DONE else ""
    say(f"{letter_id} {letter.name}: {letter.state}{why}")
    return letter.state is LetterState.DONE


def _policy(given: str | None) -> str | None:
    if given is None and "WFLO_POLICY" not in os.environ and DEFAULT_POLICY.is_file():
        return str(DEFAULT_POLICY)
    return given


def _id_of(store: Store, wanted: str) -> str:
    """The id that is meant: the start of one is enough, where it is only one's.

    Raises:
        DeadLetterError: there is none, or several begin so.
    """
    known = [each.letter_id for each in store.dead_letters.letters((), _ALL)]
    found = [each for each in known if each.startswith(wanted)]
    if wanted in known or len(found) != 1:
        if len(found) > 1 and wanted not in known:
            raise DeadLetterError(f"{wanted!r} is the start of {len(found)} dead letters")
        return wanted
    return found[0]


def _as_json(letter: DeadLetter) -> dict[str, Any]:
    return {
        "letter_id": letter.letter_id,
        "state": letter.state.value,
        "function": letter.function,
        "name": letter.name,
        "attempts": letter.attempts,
        "replays": letter.replays,
        "created_at": iso(letter.created_at),
        "changed_at": iso(letter.changed_at),
        "run_id": letter.run_id,
        "agent": letter.agent,
        "trace_id": letter.trace_id,
        "errors": [{"type": each.type, "message": each.message} for each in letter.errors],
        "problem": letter.problem,
    }


def _arguments(letter: DeadLetter) -> object:
    return None if letter.payload is None else json.loads(letter.payload)


def _lines(letter: dict[str, Any]) -> Sequence[str]:
    shown = dict(letter)
    shown["errors"] = " from ".join(
        f"{each['type']}: {each['message']}" if each["message"] else each["type"]
        for each in shown["errors"]
    )
    if shown["arguments"] is not None:
        shown["arguments"] = json.dumps(shown["arguments"], ensure_ascii=False)
    return [f"{name:<12}{plain(_one_line(each))}\n" for name, each in shown.items() if each]


def _one_line(value: object) -> str:
    """A value without line breaks and signs that would move the cursor."""
    return "".join(each if each.isprintable() else " " for each in str(value))


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _answered(state: str | None, work: Callable[[Store], int]) -> int:
    from wflo_otel.replay import clear_doubts

    try:
        store = open_existing(state)
    except (ConfigError, StoreError) as error:
        say(str(error))
        return EXIT_USAGE
    try:
        clear_doubts(store.dead_letters, store.records)
        return work(store)
    except PolicyFileError as error:
        print_problems(error)
        return EXIT_USAGE
    except ConfigError as error:
        say(str(error))
        return EXIT_USAGE
    except WfloError as error:
        say(str(error))
        return 1
    finally:
        store.close()
