"""Arguments that are kept, and functions that are found again."""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
import time
from datetime import date
from decimal import Decimal
from types import ModuleType, SimpleNamespace

import pytest

from wflo_otel.errors import DeadLetterError
from wflo_otel.retries import with_retry
from wflo_otel.seams.payloads import MAX_BYTES, arguments_of, payload_of
from wflo_otel.seams.references import find, reference_to


@dataclasses.dataclass
class Point:
    x: int


class Rude:
    """A mapping's worth of trouble."""

    def model_dump(self):
        return {"x": self}

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    __hash__ = None


class Sly:
    def model_dump(self):
        return {"x": 1}

    def __eq__(self, other):
        raise RuntimeError("secret")

    __hash__ = None


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        (("question", 3, None), {"n": 1.5, "deep": [{"a": (1, 2)}]}),
        ((Decimal("1.5"), date(2026, 1, 1), b"bytes", {1, 2}), {}),
        (("x" * (MAX_BYTES - 1000),), {}),
    ],
)
def test_plain_arguments_come_back_as_they_were(args, kwargs):
    payload = payload_of(args, kwargs)

    assert payload.problem == ""
    assert arguments_of(payload.data) == (args, kwargs)
    assert "question" not in repr(payload)


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        (object(), r"args\[0\]: object cannot be stored as plain data"),
        (lambda: 1, r"args\[0\]: function cannot be stored"),
        (Rude(), r"args\[0\]\.x: refers back"),
        (Sly(), r"reading its arguments failed \(RuntimeError\)"),
        ("x" * (MAX_BYTES + 1), "its arguments are larger than 1 MB"),
        ("\u00e9" * (MAX_BYTES // 2), "its arguments are larger than 1 MB"),
        ([b"x" * 600_000, {"y": bytearray(600_000)}], "its arguments are larger than 1 MB"),
        (list(range(MAX_BYTES)), "its arguments are larger than 1 MB"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_cannot_be_kept_is_a_reason(argument, problem):
    payload = payload_of((argument,), {})

    assert payload.data is None
    assert re.match(problem, payload.problem)


def test_a_hundred_megabytes_are_not_written_to_find_that_out():
    huge = "x" * 100_000_000
    began = time.process_time()

    assert payload_of((huge,), {}).data is None
    assert time.process_time() - began < 0.05


def test_a_circle_of_containers_ends():
    circle: list[object] = []
    circle.append(circle)

    assert "refers back" in payload_of((circle,), {}).problem


def test_what_would_come_back_as_something_else_is_kept_but_not_sent():
    payload = payload_of((Point(1),), {})

    assert payload.data is not None
    assert payload.problem == "its arguments hold objects, which would come back as plain data"


@pytest.mark.parametrize("data", [b"", b"[]", b'{"args":1,"kwargs":{}}', b'{"args":[]}'])
def test_damaged_arguments_are_said_to_be(data):
    with pytest.raises(DeadLetterError, match="damaged"):
        arguments_of(data)


def work() -> None:
    """At the top of a module."""


class Client:
    @with_retry
    def ask(self):
        """In a class."""


@with_retry
@functools.lru_cache
def cached() -> None:
    """Behind other decorators."""


HERE = __name__


@pytest.fixture
def as_module(monkeypatch):
    """This file under a name by which it can be imported."""
    monkeypatch.setitem(sys.modules, HERE, sys.modules.get(HERE) or _module())


def _module():
    made = ModuleType(HERE)
    made.__dict__.update(globals())
    return made


@pytest.mark.parametrize("fn", [work, cached.__wrapped__, Client.ask.__wrapped__])
def test_a_function_of_a_module_or_a_class_is_found_again(fn, as_module):
    reference, problem = reference_to(fn)

    assert (reference, problem) == (f"{HERE}:{fn.__qualname__}", "")
    found = find(reference)
    assert fn in (found, getattr(found, "__wrapped__", None))


@pytest.mark.parametrize(
    "fn",
    [lambda: 1, functools.partial(work), Client().ask, Point(1)],
    ids=["local", "partial", "bound", "object"],
)
def test_what_has_no_name_of_its_own_is_not_found_again(fn, as_module):
    _, problem = reference_to(fn)

    assert problem.startswith("the function cannot be found by its name")


def _main_function():
    def call():
        return None

    call.__module__, call.__qualname__ = "__main__", "call"
    return call


@pytest.mark.parametrize(
    ("main", "module"),
    [
        ({"__spec__": None, "__file__": "/somewhere/agent.py"}, "agent"),
        ({"__spec__": SimpleNamespace(name="pkg.agent"), "__file__": "x.py"}, "pkg.agent"),
        ({"__spec__": SimpleNamespace(name="pkg.__main__"), "__file__": "x.py"}, "pkg"),
        ({"__spec__": None}, "__main__"),
    ],
)
def test_a_programs_main_module_goes_by_the_name_it_is_imported_under(main, module, monkeypatch):
    call = _main_function()
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(call=call, **main))

    assert reference_to(call) == (f"{module}:call", "")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("no_such_module_here:call", "no_such_module_here:call is not found"),
        ("json:no_such_function", "json:no_such_function is not found"),
        (":call", ":call is not found"),
        ("json:__name__", "is no function any more"),
    ],
)
def test_a_function_that_is_gone_is_said_to_be(reference, message):
    with pytest.raises(DeadLetterError, match=message):
        find(reference)
