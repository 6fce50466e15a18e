"""The tables and the schema in ``docs`` are those of the code."""

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from wflo_otel.config import PolicyFileError, init_template, options, parse_policy
from wflo_otel.config.__main__ import main
from wflo_otel.config.reference import (
    environment_table,
    json_schema,
    options_table,
    sections_table,
)
from wflo_otel.core.policy import (
    Breaker,
    Budget,
    Budgets,
    Checkpoints,
    Loops,
    Notify,
    Policy,
    PriceOverride,
    Prices,
    Retry,
)

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
PAGE = (DOCS / "policy.md").read_text(encoding="utf-8")
GOOD = [path.read_text(encoding="utf-8") for path in sorted((HERE / "good").iterdir())]

#: What a schema can say of a file that parses as YAML; the rest is for the parser alone.
STRUCTURAL = re.findall(
    r"\w+",
    """
misspelled_key misspelled_section foreign_key upper_case_key later_section later_budget_option
amount_in_words amount_with_sign negative huge_amount foreign_digits no_tokens
half_a_call tokens_in_quotes too_many_tokens share_of_nothing share_in_percent share_in_quotes
negative_wait clamp_in_quotes misspelled_mode empty_budget budget_without_limit
budget_without_value section_without_value list_of_budgets list_as_budget list_of_agents
list_as_price price_without_value mapping_as_amount list_as_file missing_version unknown_version
version_in_quotes list_as_version window_on_run window_on_agent unknown_window timezone_alone
notify_nobody notify_as_text webhook_of_another_scheme webhook_without_host webhook_with_a_space
command_as_text command_of_nothing command_with_an_empty_word command_with_a_list
price_without_output price_by_thousand alias_is_a_number alias_is_blank empty_name long_and_odd_key
checkpoints_keep_none checkpoints_for_ever checkpoints_as_number
checkpoints_after_anything checkpoints_after_a_word
retries_as_list retries_negative_delay retries_unknown_backoff
breaker_window_of_nothing breaker_misspelled_option breaker_is_a_number breakers_as_list
""",
)


@pytest.mark.parametrize(
    ("declared", "documented"),
    [
        (
            Policy,
            {option.field for option in options.POLICY}
            | {"breakers", "budgets", "checkpoints", "loops", "prices", "retries", "notify"},
        ),
        (Budgets, set(options.BUDGET_SECTIONS)),
        (Budget, {option.field for option in options.BUDGET}),
        (Prices, {option.field for option in options.PRICES} | set(options.PRICE_SECTIONS)),
        (Notify, {option.field for option in options.NOTIFY}),
        (Breaker, {option.field for option in options.BREAKER}),
        (Checkpoints, {option.field for option in options.CHECKPOINTS}),
        (Retry, {option.field for option in options.RETRY}),
        (Loops, {option.field for option in options.LOOPS}),
        (PriceOverride, {option.field for option in options.PRICE}),
    ],
)
def test_every_field_of_the_dataclasses_is_an_option(declared: type, documented: set[str]) -> None:
    assert {field.name for field in fields(declared)} == documented


@pytest.mark.parametrize("table", [sections_table, options_table, environment_table])
def test_the_page_holds_the_table_that_the_code_prints(table: Any) -> None:
    assert table() in PAGE


def test_the_schema_in_the_docs_is_the_one_that_the_code_prints() -> None:
    assert json.loads((DOCS / "wflo.schema.json").read_text(encoding="utf-8")) == json_schema()


def test_every_policy_on_the_page_parses() -> None:
    policies = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)

    assert policies
    for policy in policies:
        parse_policy(policy)


def test_every_error_on_the_page_is_what_the_parser_says() -> None:
    wrong = re.search(r"```yaml wrong\n(.*?)```\n+.*?```text\n(.*?)```", PAGE, flags=re.DOTALL)
    assert wrong is not None

    with pytest.raises(PolicyFileError) as raised:
        parse_policy(wrong[1])

    assert wrong[2].splitlines() == list(raised.value.problems)


@pytest.mark.parametrize("text", [*GOOD, init_template()])
def test_the_schema_accepts_what_the_parser_accepts(text: str) -> None:
    assert accepts(json_schema(), yaml.safe_load(text))


@pytest.mark.parametrize("name", STRUCTURAL)
def test_the_schema_rejects_mistakes_of_structure(name: str) -> None:
    written = yaml.safe_load((HERE / "bad" / f"{name}.yaml").read_text(encoding="utf-8"))

    assert not accepts(json_schema(), written)


@pytest.mark.optional
def test_the_schema_is_valid_by_its_own_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is no dependency")

    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_module_prints_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    printed = capsys.readouterr().out
    assert options_table() in printed
    assert sections_table() in printed


def test_the_module_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--schema"]) == 0

    assert json.loads(capsys.readouterr().out) == json_schema()


def test_the_module_prints_the_schema_when_it_is_run() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "wflo_otel.config", "--schema"],
        capture_output=True,
        check=True,
        text=True,
    )

    assert json.loads(run.stdout) == json_schema()


def test_the_module_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scheme"]) == 2

    assert capsys.readouterr().err.startswith("usage: ")


TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
}


def accepts(schema: dict[str, Any], value: Any, root: dict[str, Any] | None = None) -> bool:
    """Judge by the part of JSON Schema that ours uses; an unknown keyword is a failure."""
    root = root or schema
    rules: dict[str, Any] = {
        "type": lambda name: (
            isinstance(value, TYPES[name]) and (name == "boolean") == isinstance(value, bool)
        ),
        "enum": lambda known: value in known,
        "minimum": lambda least: value >= least,
        "maximum": lambda most: value <= most,
        "exclusiveMinimum": lambda least: value > least,
        "pattern": lambda pattern: re.search(pattern, value) is not None,
        "anyOf": lambda choices: any(accepts(choice, value, root) for choice in choices),
        "$ref": lambda ref: accepts(root["$defs"][ref.rsplit("/")[-1]], value, root),
        "items": lambda each: all(accepts(each, item, root) for item in value),
        "minItems": lambda least: len(value) >= least,
        "minProperties": lambda least: len(value) >= least,
        "required": lambda keys: all(key in value for key in keys),
        "dependentRequired": lambda needs: all(
            set(needed) <= set(value) for key, needed in needs.items() if key in value
        ),
        "properties": lambda known: all(
            accepts(each, value[key], root) for key, each in known.items() if key in value
        ),
        "propertyNames": lambda each: all(accepts(each, str(key), root) for key in value),
        "additionalProperties": lambda each: all(
            each is not False and accepts(each, value[key], root)
            for key in value
            if key not in schema.get("properties", {})
        ),
    }
    notes = {"$schema", "title", "description", "$defs"}
    return all(rules[keyword](rule) for keyword, rule in schema.items() if keyword not in notes)
