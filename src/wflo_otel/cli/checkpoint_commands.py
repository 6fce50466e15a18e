"""The command line of ``wflo checkpoints``; what it does is in :mod:`wflo_otel.cli.checkpoints`.

The rule is that of the whole command: what is needed is imported when it runs.
"""

from __future__ import annotations

import sys

import click

from wflo_otel.cli.arguments import STATE


@click.group()
def checkpoints() -> None:
    """Look at the states that runs have saved, and go back to one."""


@checkpoints.command("list")
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@STATE
def checkpoints_list(run_id: str | None, as_json: bool, state: str | None) -> None:
    """List the checkpoints of RUN, or of the newest run that has any, oldest first."""
    from wflo_otel.cli.checkpoints import print_list

    sys.exit(print_list(run_id, state, as_json=as_json))


@checkpoints.command("show")
@click.argument("checkpoint")
@STATE
def checkpoints_show(checkpoint: str, state: str | None) -> None:
    """Print the state of CHECKPOINT as JSON; the start of its id is enough."""
    from wflo_otel.cli.checkpoints import print_state

    sys.exit(print_state(checkpoint, state))


@checkpoints.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="As a JSON Patch (RFC 6902).")
@STATE
def checkpoints_diff(before: str, after: str, as_json: bool, state: str | None) -> None:
    """Say what changed from one checkpoint to another."""
    from wflo_otel.cli.checkpoints import print_diff

    sys.exit(print_diff(before, after, state, as_json=as_json))


@checkpoints.command("rollback")
@click.argument("checkpoint")
@STATE
def checkpoints_rollback(checkpoint: str, state: str | None) -> None:
    """Go back to CHECKPOINT: who joins its run next goes on from there. Nothing is lost."""
    from wflo_otel.cli.checkpoints import roll_back

    sys.exit(roll_back(checkpoint, state))
