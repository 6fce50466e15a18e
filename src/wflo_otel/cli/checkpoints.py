"""``wflo checkpoints``: the states a run has saved, what changed between them, and going back.

The rule: states are content. They are shown where that is asked for (``show``, ``diff``), and
nowhere else.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from wflo_otel.cli.state import NoSuchRunError, find_run, on_state, runs_in
from wflo_otel.cli.tables import checkpoints_table
from wflo_otel.cli.terminal import plain, say, show, speaks_unicode
from wflo_otel.clock import SystemClock
from wflo_otel.config.environment import checkpoint_key_of
from wflo_otel.core import json_patch
from wflo_otel.core.checkpoint import Checkpoint, branched, document_of, state_of
from wflo_otel.core.json_patch import Change
from wflo_otel.errors import CheckpointNotFoundError
from wflo_otel.ports import CheckpointStore
from wflo_otel.report import checkpoint_json
from wflo_otel.stores import Store
from wflo_otel.stores.sealing import sealed

_SIGNS = {"add": "+", "remove": "-", "replace": "~"}


def print_list(run_id: str | None, state: str | None, *, as_json: bool) -> int:
    """Print a run's checkpoints, oldest first; return the exit code."""

    def work(store: Store) -> None:
        found = _asked_for(store, run_id)
        if as_json:
            _print_json({"checkpoints": [checkpoint_json(each) for each in found]})
        elif found:
            show([checkpoints_table(found)], to_stdout=True)
        else:
            say("no checkpoints")

    return on_state(state, work)


def print_state(wanted: str, state: str | None) -> int:
    """Print the state of a checkpoint, as JSON; return the exit code."""
    return on_state(state, lambda store: _print_json(_document(store, wanted)))


def print_diff(before: str, after: str, state: str | None, *, as_json: bool) -> int:
    """Print what changed from one checkpoint to another; return the exit code."""

    def work(store: Store) -> None:
        patch = json_patch.diff(_document(store, before), _document(store, after))
        if as_json:
            _print_json(patch)
        elif patch:
            sys.stdout.write("".join(map(_line, patch)))
        else:
            say("the states are equal")

    return on_state(state, work)


def roll_back(wanted: str, state: str | None) -> int:
    """Go back to a checkpoint in its run; return the exit code."""

    def work(store: Store) -> None:
        source, encoded = (kept := _opened(store)).load(_id_of(store, wanted))
        state_of(source, encoded)  # what cannot be read is nothing to go back to
        clock = SystemClock()
        begun = branched(
            source, checkpoint_id=clock.new_id(), run_id=source.run_id, created_at=clock.time()
        )
        kept.save(begun, encoded)
        say(plain(f"run {source.run_id} goes on from {source.name}, as {begun.checkpoint_id}"))

    return on_state(state, work)


def _asked_for(store: Store, run_id: str | None) -> Sequence[Checkpoint]:
    """The checkpoints of a run; of the newest that has any, where none is named."""
    runs = runs_in(store)
    if run_id is not None:
        return store.checkpoints(find_run(runs, run_id).run_id)
    if not runs:
        raise NoSuchRunError("no run is in this state yet")
    return next(filter(None, (store.checkpoints(run.run_id) for run in runs)), ())


def _document(store: Store, wanted: str) -> object:
    return document_of(*_opened(store).load(_id_of(store, wanted)))


def _opened(store: Store) -> CheckpointStore:
    """The checkpoints of a store, with the key that the environment has."""
    return sealed(store, checkpoint_key_of(os.environ))


def _id_of(store: Store, wanted: str) -> str:
    """The id that is meant: the start of one is enough, where it is only one's.

    Raises:
        CheckpointNotFoundError: there is none.
        NoSuchRunError: several begin so.
    """
    known = [each.checkpoint_id for run in runs_in(store) for each in store.checkpoints(run.run_id)]
    found = [each for each in known if each.startswith(wanted)]
    if wanted in known:
        return wanted
    if len(found) > 1:
        raise NoSuchRunError(f"{wanted!r} is the start of {len(found)} checkpoints")
    if not found:
        raise CheckpointNotFoundError(wanted)
    return found[0]


def _line(change: Change) -> str:
    value = "" if change["op"] == "remove" else f" {_json(change['value'])}"
    return f"{_SIGNS[str(change['op'])]} {_visible(str(change['path']))}{value}\n"


def _print_json(value: object) -> None:
    sys.stdout.write(_json(value, indent=2) + "\n")


def _json(value: object, indent: int | None = None) -> str:
    return _visible(json.dumps(value, indent=indent, ensure_ascii=not speaks_unicode()))


def _visible(text: str) -> str:
    """A text whose signs that could move the cursor are written as JSON writes them."""
    return "".join(
        each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text
    )
