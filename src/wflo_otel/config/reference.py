"""The documentation of the policy, made from the options: the table and the JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from wflo_otel.config import options, values
from wflo_otel.config.environment import VARIABLES
from wflo_otel.config.options import Option, Section

_HEAD = ("Key", "Type", "Unit", "Default", "What it does")


def options_table() -> str:
    """Write the table of all options, in Markdown.

    ``BUDGET``, ``BREAKER`` and ``PRICE`` stand for the paths of a budget, a breaker and a price,
    which the table of sections lists.
    """
    version = ("`version`", "`1`", "", "required", "The version of this format.")
    rows: list[Sequence[str]] = [version]
    rows += [_row("", option) for option in options.POLICY]
    rows += [_row("prices.", option) for option in options.PRICES]
    rows += [_row("retries.", option) for option in options.RETRY]
    rows += [_row("loops.", option) for option in options.LOOPS]
    rows += [_row("checkpoints.", option) for option in options.CHECKPOINTS]
    rows += [_row("notify.", option) for option in options.NOTIFY]
    rows += [_row("BUDGET.", option) for option in options.BUDGET]
    rows += [_row("BREAKER.", option) for option in options.BREAKER]
    rows += [_row("PRICE.", option) for option in options.PRICE]
    return _table(_HEAD, rows)


def sections_table() -> str:
    """Write the table of the sections that hold budgets and prices, in Markdown."""
    rows = [_section_row(name, section) for name, section in options.BUDGET_SECTIONS.items()]
    rows += [("`breakers.COMPONENT`", "a breaker", "", options.BREAKERS)]
    overrides, aliases, fallback = options.PRICE_SECTIONS.values()
    rows += [
        ("`prices.overrides.NAME`", "a price", "", overrides),
        ("`prices.aliases.NAME`", "a name", "", aliases),
        ("`prices.fallback`", "a price", "", fallback),
    ]
    return _table(("Path", "Holds", "In `WfloWorkflow`", "For"), rows)


def environment_table() -> str:
    """Write the table of the environment variables, in Markdown."""
    return _table(
        ("Variable", "What it does"), [(f"`{name}`", what) for name, what in VARIABLES.items()]
    )


def json_schema() -> dict[str, object]:
    """Build the JSON Schema (draft 2020-12) of a policy file.

    It accepts every policy that the parser accepts; what a schema cannot say (aliases that lead
    back to themselves, time zones, keys written twice) only the parser refuses.
    """
    schema = _object(
        {
            "version": {"enum": list(options.VERSIONS), "description": "The version."},
            **_properties(options.POLICY),
            "budgets": _object(_budgets()),
            "breakers": _named(_object(_properties(options.BREAKER))),
            "retries": _object(_properties(options.RETRY)),
            "loops": _object(_properties(options.LOOPS)),
            "checkpoints": _object(_properties(options.CHECKPOINTS)),
            "prices": _object(
                {
                    **_properties(options.PRICES),
                    "overrides": _named({"$ref": "#/$defs/price"}),
                    "aliases": _named(values.NAME.schema),
                    "fallback": {"$ref": "#/$defs/price"},
                }
            ),
            "notify": {**_object(_properties(options.NOTIFY)), "minProperties": 1},
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wflo.yaml",
        **schema,
        "required": ["version"],
        "$defs": {
            "budget": _budget(windowed=()),
            "windowedBudget": _budget(windowed=sorted(options.WINDOW_OPTIONS)),
            "price": {
                **_object(_properties(options.PRICE)),
                "required": [option.key for option in options.PRICE if option.required],
            },
        },
    }


def _budgets() -> dict[str, object]:
    plain, windowed = {"$ref": "#/$defs/budget"}, {"$ref": "#/$defs/windowedBudget"}
    found: dict[str, object] = {
        name: _named(windowed if name in options.WINDOW_SECTIONS else plain)
        for name in options.BUDGET_SECTIONS
    }
    return {**found, "run": plain}


def _budget(windowed: Sequence[str]) -> dict[str, object]:
    known = [
        option
        for option in options.BUDGET
        if option.key in windowed or option.key not in options.WINDOW_OPTIONS
    ]
    full = {
        **_object(_properties(known)),
        "anyOf": [{"required": [limit]} for limit in options.LIMITS],
        "dependentRequired": {"timezone": ["per"]},
    }
    return {"anyOf": [values.AMOUNT.schema, full]}


def _properties(known: Iterable[Option]) -> dict[str, object]:
    return {option.key: {**option.kind.schema, "description": option.note.what} for option in known}


def _object(properties: Mapping[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _named(value: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "propertyNames": {"pattern": r"\S"},
        "additionalProperties": dict(value),
    }


def _row(prefix: str, option: Option) -> Sequence[str]:
    note = option.note
    default = note.default or _default(option)
    return f"`{prefix}{option.key}`", note.kind.name, note.unit, default, note.what


def _section_row(name: str, section: Section) -> Sequence[str]:
    path = f"`budgets.{name}`" if name == "run" else f"`budgets.{name}.NAME`"
    keyword = f"`{section.keyword}`" if section.keyword else ""
    return path, "a budget", keyword, section.what


def _default(option: Option) -> str:
    if option.required:
        return "required"
    value = option.default.value if isinstance(option.default, Enum) else option.default
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)
