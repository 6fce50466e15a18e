"""What actions are reduced to."""

from __future__ import annotations

import json

import pytest
from rapidfuzz import fuzz

from wflo_otel.core.actions import Action, Wording, action_of
from wflo_otel.core.answers import said_of


def ratio(one: str, other: str) -> float:
    return fuzz.ratio(one, other) / 100


def asks(**arguments: object) -> Action:
    return action_of("search", json.dumps(arguments))


def near(one: Action, other: Action) -> bool:
    return Wording(one).is_near(Wording(other), ratio, 0.9)


def reworded(one: Action, other: Action) -> bool:
    return Wording(one).is_reworded(Wording(other))


def test_the_order_of_keys_and_spaces_between_them_make_no_difference() -> None:
    one, other = action_of("get", '{"a": 1, "b": [2, {}]}'), action_of("get", '{"b":[2,{}],"a":1}')

    assert one.key == other.key


@pytest.mark.parametrize(
    "arguments",
    ['{"a": 2}', '{"b": 1}', '{"a": "x"}', "[1]", "not json", "", None, "[" * 20_000, "\udc80"],
)
def test_other_arguments_are_another_call(arguments: str | None) -> None:
    assert action_of("get", '{"a": 1}').key != action_of("get", arguments).key


def test_arguments_of_100_megabytes_are_compared_as_a_whole_and_not_kept() -> None:
    huge = "x" * 100_000_000

    one, other = action_of("put", huge), action_of("put", huge + "y")

    assert one.key != other.key
    assert (one.chars, one.values) == (100_000_000, ())


def test_arguments_are_in_no_repr() -> None:
    assert "secret" not in repr(asks(key="secret"))


@pytest.mark.parametrize(
    "noise",
    [
        ("at 2026-03-02T10:00:01Z", "at 2026-03-02T10:07:59Z"),
        ("took from 10:00:01", "took from 10:00:02"),
        (
            "id 0f8fad5b-d9cb-469f-a165-70867728950e",
            "id 7c9e6679-7425-40de-944b-e07fc1f90ae7",
        ),
        ("blob 9f86d081884c7d65", "blob 60303ae22b998861"),
        ("request-id: ab12cd", "request-id: zz99xx"),
        ("epoch 1767225600123", "epoch 1767225600999"),
    ],
)
def test_stamps_in_a_result_are_noise(noise: tuple[str, str]) -> None:
    one, other = noise

    assert said_of(one).key == said_of(other).key


@pytest.mark.parametrize(
    "progress",
    [("41 %", "42 %"), ("7 of 12", "8 of 12"), ("row 3", "row 4"), ("a" * 17_000, "a" * 17_001)],
)
def test_short_numbers_and_percentages_are_progress(progress: tuple[str, str]) -> None:
    one, other = progress

    assert said_of(one).key != said_of(other).key


@pytest.mark.parametrize(
    "text", ["no records found", "ENOENT: no such file", "permission denied", "", "[]", "0 results"]
)
def test_some_answers_say_nothing(text: str) -> None:
    assert said_of(text).is_nothing


@pytest.mark.parametrize(
    "text",
    ['{"ok": true, "error": null}', "0 errors", "Stored.", "Tests: 0 failed", "no " * 200, "ok"],
)
def test_an_answer_that_says_that_all_is_well_says_something(text: str) -> None:
    assert not said_of(text).is_nothing


@pytest.mark.parametrize(
    "text", ["HTTP 503, retry shortly", "still running", "40 %", "3 of 9", "pending"]
)
def test_some_answers_say_to_wait(text: str) -> None:
    assert said_of(text).is_waiting


def test_no_result_is_an_empty_one() -> None:
    assert said_of(None) == said_of("")


@pytest.mark.parametrize(
    "other",
    [
        "Why is the  price wrong",
        "why is the price wrong?",
        "WHY IS THE PRICE WRONG",
        "why is the prices wrong",
        "why is the price wrong [req 8bedc608 at 2026-03-11T13:05:11Z]",
    ],
)
def test_wording_spelling_spaces_and_stamps_are_near(other: str) -> None:
    assert near(asks(q="why is the price wrong", n=3), asks(q=other, n=3))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asks(path="src/components/Button.tsx"), asks(path="src/components/Buttons.tsx")),
        (asks(q="the price of item 12"), asks(q="the price of item 13")),
        (asks(city="Paris", units="metric"), asks(city="London", units="metric")),
        (asks(q="one two", n=1), asks(q="one two", n=2)),
        (asks(q="a b"), asks(p="a b")),
        (asks(q="a b"), asks(q="a b", r="c")),
        (asks(q="a b"), action_of("find", '{"q": "a b"}')),
        (action_of("list", None), action_of("list", "")),
    ],
)
def test_things_with_a_name_or_a_number_of_their_own_are_not_near(
    one: Action, other: Action
) -> None:
    assert not near(one, other)


def test_one_question_in_other_words_is_reworded_and_not_near() -> None:
    one, other = asks(q="code calculating the price on sale"), asks(q="location of price on sale")

    assert reworded(one, other)
    assert not near(one, other)


@pytest.mark.parametrize("other", ["the harbour of Trondhjem at night", "price it"])
def test_another_question_is_not_reworded(other: str) -> None:
    assert not reworded(asks(q="code calculating the price on sale"), asks(q=other))


@pytest.mark.parametrize(
    ("name", "hands_on"),
    [("transfer_to_billing", True), ("handoff", True), ("transfer_funds", False)],
)
def test_who_hands_work_on_is_known_by_the_name_of_the_tool(name: str, *, hands_on: bool) -> None:
    assert action_of(name, "{}").hands_on is hands_on
