"""What the spans of tools show of what was asked and answered."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from wflo_otel.telemetry.deeds import deed_of

MESSAGE = {"content": "a wall", "type": "tool", "tool_call_id": "call_1"}


def deed(error_type=None, **attributes):
    span = SimpleNamespace(attributes={k.replace("__", "."): v for k, v in attributes.items()})
    return deed_of(span, "look", error_type)  # type: ignore[arg-type]


def test_the_genai_conventions_show_it_as_it_is():
    found = deed(gen_ai__tool__call__arguments='{"at": 1}', gen_ai__tool__call__result="a wall")

    assert found == ("look", '{"at": 1}', "a wall")


@pytest.mark.parametrize(
    "answered",
    [
        {"output": {"lc": 1, "kwargs": MESSAGE}},
        {"type": "tool", "data": MESSAGE},
        MESSAGE,
        {"outputs": "a wall"},
    ],
)
def test_what_a_framework_puts_around_an_answer_is_left_out(answered):
    assert deed(output__value=json.dumps(answered))[2] == "a wall"


@pytest.mark.parametrize(
    "answered",
    [
        {"output": "a row", "page": 3},
        {"data": ["a row"], "total": 12, "type": "page"},
        {"content": "working", "percent": 40},
        {"kwargs": {"left": 3}, "id": 7},
    ],
)
def test_all_that_a_tool_itself_answers_is_compared(answered):
    assert json.loads(deed(gen_ai__tool__call__result=json.dumps(answered))[2]) == answered


def test_what_it_puts_around_the_arguments_is_left_out():
    asked = {"input_str": "{'at': 1}", "metadata": {"step": 7}}

    assert deed(traceloop__entity__input=json.dumps(asked))[1] == "{'at': 1}"


@pytest.mark.parametrize(
    "shown", ["[1, 2]", "7", '{"content": null}', "{" * 50_000, '{"a": [', "\ud800", ""]
)
def test_anything_else_is_compared_as_it_stands(shown):
    found = deed(output__value=shown)[2]

    assert isinstance(found, str)


def test_what_is_nested_on_and_on_is_not_followed_for_ever():
    held: object = "deep"
    for _ in range(20):
        held = {"output": held}

    assert "output" in deed(output__value=json.dumps(held))[2]


def test_an_error_is_an_answer_and_what_is_not_shown_is_none():
    assert deed("ValueError") == ("look", None, "ValueError")
    assert deed(input__value=7) == ("look", None, None)
