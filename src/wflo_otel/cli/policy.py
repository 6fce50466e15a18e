"""``wflo policy`` and ``wflo init``: the policy file, read for people."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from wflo_otel.cli import EXIT_USAGE
from wflo_otel.config import PolicyFileError, init_template, load_policy
from wflo_otel.core.money import format_usd
from wflo_otel.core.policy import Budget, Mode, Policy


def check(file: Path) -> int:
    """Print what holds, or every problem; return the exit code."""
    try:
        policy = load_policy(file)
    except PolicyFileError as error:
        print_problems(error)
        return EXIT_USAGE
    click.echo(f"{file}: {summary(policy)}")
    return 0


def print_problems(error: PolicyFileError) -> None:
    """Print every problem of a policy file to standard error."""
    for problem in error.problems:
        click.echo(problem, err=True)
    count = len(error.problems)
    click.echo(f"wflo: {count} problem{'' if count == 1 else 's'}", err=True)


def print_schema() -> None:
    """Print the JSON Schema of the policy file."""
    from wflo_otel.config.reference import json_schema

    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")


def write_template(file: Path, *, overwrite: bool) -> int:
    """Write the commented policy; what is there stays, unless it is to be overwritten."""
    try:
        with file.open("w" if overwrite else "x", encoding="utf-8") as opened:
            opened.write(init_template())
    except FileExistsError:
        click.echo(f"wflo: {file} is there already; --force overwrites it", err=True)
        return 1
    except OSError as error:
        click.echo(f"wflo: {file} cannot be written: {error.strerror}", err=True)
        return 1
    click.echo(f"wrote {file}: {summary(load_policy(file))}")
    return 0


def summary(policy: Policy) -> str:
    """Say on one line what a policy holds."""
    budgets = policy.budgets
    parts = [] if budgets.run is None else [f"run {limits_of(budgets.run)}"]
    for kind in ("agents", "tools", "workflows", "tenants"):
        named = getattr(budgets, kind)
        parts += [f"{kind[:-1]} {name} {limits_of(each)}" for name, each in named.items()]
    held = "; ".join(parts) or "no budget: calls are only counted"
    return f"{held} (shadow: nothing is refused)" if policy.mode is Mode.SHADOW else held


def limits_of(budget: Budget) -> str:
    """Write a budget's limits: ``$5.00``, ``$1.00 per day``, ``500 calls``."""
    limits = [] if budget.usd is None else [format_usd(budget.usd)]
    limits += [f"{budget.tokens:,} tokens"] if budget.tokens is not None else []
    limits += [f"{budget.calls:,} calls"] if budget.calls is not None else []
    window = f" per {budget.per.value}" if budget.per is not None else ""
    return (" and ".join(limits) or "no limit") + window
