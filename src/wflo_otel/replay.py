"""Replaying dead letters: claim, send, say what came of it.

The rules: a letter is claimed before anything is sent, and marked after; whoever is killed in
between leaves it in doubt. A letter in doubt whose replay was charged for an answer was sent,
so it is done. A replay is a run of its own inside the process's, and charged to both.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from wflo_otel.bootstrap import ensure_configured
from wflo_otel.context import (
    ActiveRun,
    Frame,
    agent_frame,
    entered,
    run_frame,
    surrounding_frame,
)
from wflo_otel.core import dead_letter as rules
from wflo_otel.core.attribution import is_model_call
from wflo_otel.core.call import CallRecord, Status
from wflo_otel.core.dead_letter import DeadLetter, LetterState
from wflo_otel.errors import DeadLetterError, PolicyViolationError, StoreError
from wflo_otel.ports import Clock, DeadLetters, RunInfo
from wflo_otel.seams.active import Active
from wflo_otel.seams.burying import facts_of, replaying
from wflo_otel.seams.payloads import arguments_of
from wflo_otel.seams.references import find

#: A claim is renewed three times before it ends.
_RENEW_EVERY_S = rules.LEASE_S / 3
_PAGE = 10_000


def clear_doubts(letters: DeadLetters, records: Callable[[str], list[CallRecord]]) -> int:
    """Mark as done what is in doubt and was answered, as the records of its run show."""
    found = 0
    for letter in letters.letters({LetterState.IN_DOUBT}, _PAGE):
        if any(_was_answered(record) for record in records(letter.replay_run)):
            letters.change(letter.letter_id, rules.cleared)
            found += 1
    return found


def _was_answered(record: CallRecord) -> bool:
    return is_model_call(record) and record.status is Status.OK


def replay(
    letters: DeadLetters, letter_id: str, clock: Clock, also: Collection[LetterState] = ()
) -> DeadLetter:
    """Call a letter's function with its arguments; return the letter as it stands then.

    Args:
        letters: where the letter is.
        clock: makes the token of the claim.
        also: states beside ``dead`` whose letters are taken.

    Raises:
        DeadLetterError: there is none, it cannot be replayed, or its function is not found.
        StoreError: the state cannot answer.
    """
    rules.claimed(letters.letter(letter_id), 0.0, token="", also=also)  # before any import
    fn = find(letters.letter(letter_id).function)
    token = clock.new_id()
    letter = letters.change(letter_id, partial(rules.claimed, token=token, also=also))
    with _kept(letters, letter):
        try:
            _send(ensure_configured(), fn, letter)
        except Exception as error:  # noqa: BLE001  # it is written down in the letter
            return letters.change(letter_id, _failure(error, token))
        except BaseException:
            letters.change(letter_id, partial(rules.doubted, token=token))
            raise
        return letters.change(letter_id, partial(rules.done, token=token))


def _failure(error: Exception, token: str) -> Callable[[DeadLetter, float], DeadLetter]:
    keeps_content = ensure_configured().engine.policy.store_content
    facts = facts_of(error, with_messages=keeps_content)
    counts = not isinstance(error, PolicyViolationError)
    return partial(rules.failed, token=token, errors=facts, counts=counts)


def _send(active: Active, fn: Callable[..., Any], letter: DeadLetter) -> None:
    args, kwargs = arguments_of(letter.payload or b"")
    with _run_of(active, letter) as frame, entered(frame), replaying(letter.function):
        _drive(fn(*args, **kwargs))


def _drive(value: Any) -> None:
    """Run to its end what the call has given: a coroutine, or one of the two generators."""
    if inspect.iscoroutine(value):
        asyncio.run(_awaited(value))
    elif hasattr(value, "__anext__"):
        asyncio.run(_exhausted(value))
    elif hasattr(value, "send") and hasattr(value, "__next__"):
        for _ in value:
            continue


async def _awaited(coroutine: Any) -> None:
    await coroutine


async def _exhausted(stream: Any) -> None:
    async for _ in stream:
        continue


@contextmanager
def _run_of(active: Active, letter: DeadLetter) -> Iterator[Frame]:
    run, around = ActiveRun(letter.replay_run, letter.name), surrounding_frame()
    frame = run_frame(run, None, around)
    parent = None if around is None else around.caller.run_id
    active.runs.open_run(RunInfo(run.run_id, run.name, active.clock.time(), parent=parent))
    if letter.agent:
        frame = agent_frame(frame, letter.agent)
    try:
        yield frame
    finally:
        active.engine.tend()
        active.runs.close_run(run.run_id, active.clock.time())


@contextmanager
def _kept(letters: DeadLetters, letter: DeadLetter) -> Iterator[None]:
    """Renew a claim for as long as the block takes."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(_RENEW_EVERY_S):
            try:
                letters.change(letter.letter_id, partial(rules.renewed, token=letter.token))
            except (StoreError, DeadLetterError):
                continue  # the next one may succeed; if none does, the letter is in doubt

    keeper = threading.Thread(target=renew, name="wflo-claim", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
