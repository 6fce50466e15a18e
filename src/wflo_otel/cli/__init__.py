"""The ``wflo`` command.

The rule: what a command needs is imported when it runs, so that ``wflo --help`` is quick and
``wflo run`` adds little to the start of a program.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wflo_otel.cli.arguments import STATE
from wflo_otel.cli.checkpoint_commands import checkpoints

#: The exit code for a command line or a file that is wrong; click's own.
EXIT_USAGE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wflo-otel", prog_name="wflo")
def main() -> None:
    """Budgets, brakes and a black box for LLM agents."""


@main.command(context_settings={"allow_interspersed_args": False})
@click.option("--budget", metavar="USD", help="US dollars for the run; the policy may say less.")
@click.option("--policy", metavar="FILE", help="The policy file. Default: ./wflo.yaml, if any.")
@STATE
@click.option("--name", metavar="NAME", help="What reports call the run. Default: the script.")
@click.option("--strict", is_flag=True, help="Refuse to start what cannot be guarded.")
@click.option("--no-live", is_flag=True, help="No line at the bottom while the program runs.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def run(
    budget: str | None,
    policy: str | None,
    state: str | None,
    name: str | None,
    strict: bool,
    no_live: bool,
    command: tuple[str, ...],
) -> None:
    """Run a program under a budget: wflo run --budget 5 -- python agent.py

    Every model call of the program, its children and its forks is counted and belongs to one
    run. The exit code is the program's; 78 says that it was not allowed to start.
    """
    from wflo_otel.cli.run import Options, run_command

    options = Options(budget, policy, state, name, strict=strict, live=not no_live)
    sys.exit(run_command(command, options))


@main.command()
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="The newest N runs.")
@STATE
def report(run_id: str | None, as_json: bool, last: int | None, state: str | None) -> None:
    """Show what runs cost: the last one, or RUN (the start of its id is enough)."""
    from wflo_otel.cli.report import print_json, print_tables

    show = print_json if as_json else print_tables
    sys.exit(show(run_id, last, state))


@main.command()
@click.argument("names", nargs=-1, metavar="[SDK]...")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
@click.option("--policy", metavar="FILE", help="The policy file. Default: ./wflo.yaml, if any.")
@STATE
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    metavar="SECONDS",
    help="When to give a probe up. Default: 60.",
)
def doctor(
    names: tuple[str, ...],
    as_json: bool,
    policy: str | None,
    state: str | None,
    timeout: float,
) -> None:
    """Prove what guards each SDK that is installed here, and look whether all is well.

    Each is made to send a call under a budget of nothing, to a provider on this machine. It ends
    with 1 where something is unguarded or broken.
    """
    from wflo_otel.cli.doctor import chosen, examine, print_json, print_tables
    from wflo_otel.cli.terminal import say
    from wflo_otel.errors import ConfigError

    try:
        probes = chosen(names)
    except ConfigError as error:
        say(str(error))
        sys.exit(EXIT_USAGE)
    found = examine(probes, policy, state, timeout)
    show = print_json if as_json else print_tables
    show(found)
    sys.exit(1 if found.problems else 0)


@main.group()
def policy() -> None:
    """Check a policy file, or print its schema."""


@policy.command("check")
@click.argument("file", default="wflo.yaml")
def policy_check(file: str) -> None:
    """Read a policy file and say everything that is wrong with it."""
    from wflo_otel.cli.policy import check

    sys.exit(check(Path(file)))


@policy.command("schema")
def policy_schema() -> None:
    """Print the JSON Schema of wflo.yaml, for editors."""
    from wflo_otel.cli.policy import print_schema

    print_schema()


@main.command()
@click.option("--force", is_flag=True, help="Overwrite a wflo.yaml that is there.")
def init(force: bool) -> None:
    """Write a commented wflo.yaml into this folder."""
    from wflo_otel.cli.policy import write_template

    sys.exit(write_template(Path("wflo.yaml"), overwrite=force))


@main.group()
def breakers() -> None:
    """Look at circuit breakers, and open or close them by hand."""


@breakers.command("list")
@STATE
def breakers_list(state: str | None) -> None:
    """Show where each circuit breaker stands."""
    from wflo_otel.cli.breakers import print_breakers

    sys.exit(print_breakers(state))


@breakers.command("open")
@click.argument("component")
@STATE
def breakers_open(component: str, state: str | None) -> None:
    """Keep all calls from COMPONENT (such as provider:openai) until it is closed: kill switch."""
    from wflo_otel.cli.breakers import force_open

    sys.exit(force_open(component, state))


@breakers.command("close")
@click.argument("component")
@STATE
def breakers_close(component: str, state: str | None) -> None:
    """Let calls to COMPONENT through again, and forget what was counted."""
    from wflo_otel.cli.breakers import close

    sys.exit(close(component, state))


@main.group()
def budgets() -> None:
    """Look at the ledgers, raise a limit, and lift a stop."""


@budgets.command("show")
@click.argument("run_id", required=False, metavar="[RUN]")
@STATE
def budgets_show(run_id: str | None, state: str | None) -> None:
    """Show limits, what is spent and what is reserved: of RUN, or all ledgers."""
    from wflo_otel.cli.report import print_budgets

    sys.exit(print_budgets(run_id, state))


@budgets.command("reset")
@click.argument("scope")
@STATE
def budgets_reset(scope: str, state: str | None) -> None:
    """Let SCOPE (such as run:3f2a/agent:writer) go on that a budget or a loop has stopped."""
    from wflo_otel.cli.stops import lift

    sys.exit(lift(scope, state))


@budgets.command("raise")
@click.argument("scope")
@click.option("--usd", required=True, metavar="USD", help="How much more, in US dollars.")
@STATE
def budgets_raise(scope: str, usd: str, state: str | None) -> None:
    """Raise the limit of SCOPE (such as run:3f2a), and let it go on if that had stopped it."""
    from wflo_otel.cli.stops import raise_limit

    sys.exit(raise_limit(scope, usd, state))


main.add_command(checkpoints)


@main.group()
def dlq() -> None:
    """Look at the calls that failed for good, and send them again."""


_ONLY = click.option(
    "--only",
    multiple=True,
    metavar="STATE",
    type=click.Choice(("dead", "sending", "done", "poison", "in-doubt")),
    help="Only letters in this state: dead, sending, done, poison or in-doubt. Repeatable.",
)


@dlq.command("list")
@_ONLY
@click.option("--last", type=click.IntRange(min=1), default=100, metavar="N", help="The newest N.")
@click.option("--json", "as_json", is_flag=True, help="Everything but the arguments, for programs.")
@STATE
def dlq_list(only: tuple[str, ...], last: int, as_json: bool, state: str | None) -> None:
    """List the dead letters, newest first."""
    from wflo_otel.cli.dlq import print_list, states_of

    sys.exit(print_list(state, states_of(only), last, as_json=as_json))


@dlq.command("show")
@click.argument("letter", metavar="LETTER")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@STATE
def dlq_show(letter: str, as_json: bool, state: str | None) -> None:
    """Show one dead letter, with its arguments; the start of its id is enough."""
    from wflo_otel.cli.dlq import print_letter

    sys.exit(print_letter(letter, state, as_json=as_json))


@dlq.command("replay")
@click.argument("letters", nargs=-1, metavar="[LETTER...]")
@click.option("--in-doubt", is_flag=True, help="Also those that may have been sent already.")
@click.option("--poison", is_flag=True, help="Also those that have failed too many replays.")
@click.option("--policy", metavar="FILE", help="The policy file. Default: ./wflo.yaml, if any.")
@STATE
def dlq_replay(
    letters: tuple[str, ...], in_doubt: bool, poison: bool, policy: str | None, state: str | None
) -> None:
    """Send dead letters again: LETTERs, or all, each under the policy. What is done never is."""
    from wflo_otel.cli.dlq import replay_letters, states_of

    also = states_of([*(["in-doubt"] * in_doubt), *(["poison"] * poison)])
    sys.exit(replay_letters(letters, state, policy, also))


@dlq.command("purge")
@_ONLY
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=0,
    metavar="DAYS",
    help="Unchanged for so long.",
)
@STATE
def dlq_purge(only: tuple[str, ...], older_than: float, state: str | None) -> None:
    """Drop dead letters: those that are done, or in the states that are named."""
    from wflo_otel.cli.dlq import purge, states_of

    sys.exit(purge(state, states_of(only), older_than))
