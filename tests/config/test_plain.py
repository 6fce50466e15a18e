"""A policy that stands in another configuration, as plain data."""

from __future__ import annotations

import pytest
import yaml

from wflo_otel.config import PolicyFileError, parse_policy, policy_of

SAME = """
version: 1
mode: shadow
budgets:
  run: {usd: 5.00, wait_s: 2, clamp: false}
  agents: {writer: 1.5, 7: {calls: 3}}
prices:
  unknown_model: fallback
"""


def problems(data):
    with pytest.raises(PolicyFileError) as raised:
        policy_of(data)
    return raised.value.problems


def test_it_is_the_policy_that_a_file_of_the_same_keys_is():
    assert policy_of(yaml.safe_load(SAME)) == parse_policy(SAME)


def test_every_problem_names_its_key_and_no_line():
    assert problems({"version": 1, "budgts": {}, "budgets": {"run": {"usd": "five"}}}) == (
        "policy: budgts: unknown key (did you mean budgets?)",
        "policy: budgets.run.usd: 'five' is not an amount in US dollars (write 5.00)",
    )


def test_the_version_must_be_there():
    assert problems({}) == ("policy: version: is missing (add `version: 1`)",)


@pytest.mark.parametrize("value", [None, [], {"usd": None}, True])
def test_a_budget_must_be_one(value):
    assert problems({"version": 1, "budgets": {"run": value}})


def test_what_contains_itself_is_refused():
    data = {"version": 1}
    data["budgets"] = {"agents": data}

    assert problems(data) == ("policy: nested deeper than 16 levels",)
