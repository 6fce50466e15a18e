"""A refusal is a class of our own that every loaded SDK lets through."""

import copy
import pickle
import sys
import traceback
from decimal import Decimal
from types import ModuleType

import anthropic
import openai
import pytest

from wflo_otel.errors import (
    BudgetExceededError,
    PolicyViolationError,
    StateUnavailableError,
    UnpricedModelError,
    UnrecognisedCallError,
)
from wflo_otel.seams import refusal
from wflo_otel.seams.refusal import dress

FACTS = {"scope": "run:1", "charged_usd": Decimal("0.5"), "sent": True}


def error(cls=BudgetExceededError):
    return cls("budget of run:1 exceeded", **FACTS)


@pytest.fixture
def loaded(monkeypatch):
    """Pretend that a library is loaded; it is not."""

    def load(module, name, base):
        made = ModuleType(module)
        setattr(made, name, base)
        monkeypatch.setitem(sys.modules, module, made)
        return base

    return load


@pytest.mark.parametrize(
    "cls",
    [BudgetExceededError, UnpricedModelError, UnrecognisedCallError, StateUnavailableError],
)
def test_it_is_an_error_of_each_loaded_sdk_and_of_ours(cls):
    dressed = dress(error(cls))
    for base in (cls, PolicyViolationError, openai.OpenAIError, anthropic.AnthropicError):
        assert isinstance(dressed, base)


def test_it_carries_the_same_facts_and_message():
    dressed = dress(error())
    assert (dressed.scope, dressed.charged_usd, dressed.sent) == ("run:1", Decimal("0.5"), True)
    assert str(dressed) == "budget of run:1 exceeded"
    assert dressed.args == ("budget of run:1 exceeded",)


@pytest.mark.parametrize("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_it_copies_and_pickles_as_the_plain_class(again):
    plain = again(dress(error()))
    assert type(plain) is BudgetExceededError
    assert (plain.message, plain.scope, plain.sent) == ("budget of run:1 exceeded", "run:1", True)


def test_a_traceback_names_the_plain_class():
    shown = traceback.format_exception_only(dress(error()))[-1]
    assert shown == "wflo_otel.errors.BudgetExceededError: budget of run:1 exceeded\n"


def test_the_class_is_made_once_for_the_libraries_that_are_loaded(loaded):
    assert type(dress(error())) is type(dress(error()))
    base = loaded("langgraph.errors", "GraphBubbleUp", type("GraphBubbleUp", (Exception,), {}))
    assert isinstance(dress(error()), base)


def test_what_a_base_would_set_itself_is_set(loaded):
    class HookAborted(Exception):  # noqa: N818
        def __init__(self, reason, source):
            raise AssertionError("only our own __init__ runs")

    class AgentsException(Exception):  # noqa: N818
        def __init__(self):
            raise AssertionError("only our own __init__ runs")

    loaded("crewai.hooks.dispatch", "HookAborted", HookAborted)
    loaded("agents.exceptions", "AgentsException", AgentsException)
    dressed = dress(error())
    assert isinstance(dressed, HookAborted)
    assert (dressed.reason, dressed.source) == (dressed.message, "wflo_otel")
    assert dressed.run_data is None


def test_a_base_that_does_not_go_with_the_others_is_left_out(loaded):
    class SealedError(OSError, KeyError):  # another layout than ours has
        __slots__ = ()

        def __init_subclass__(cls):
            raise TypeError("not to be inherited")

    loaded("langgraph.errors", "GraphBubbleUp", SealedError)
    dressed = dress(error())
    assert not isinstance(dressed, SealedError)
    assert isinstance(dressed, openai.OpenAIError)


def test_what_is_no_exception_class_is_left_out(loaded):
    loaded("langgraph.errors", "GraphBubbleUp", "not a class")
    assert isinstance(dress(error()), openai.OpenAIError)


def test_with_no_library_loaded_it_is_the_plain_error(monkeypatch):
    for module, _ in refusal._BASES:
        monkeypatch.setitem(sys.modules, module, ModuleType(module))
    given = error()
    assert dress(given) is given


def test_an_exception_group_is_split_by_it():
    group = ExceptionGroup("tasks", [dress(error()), ValueError("other")])
    matching, rest = group.split(BudgetExceededError)
    assert len(matching.exceptions) == len(rest.exceptions) == 1
