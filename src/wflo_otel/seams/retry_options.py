"""The options of ``with_retry``, checked where they are given."""

from __future__ import annotations

from collections.abc import Iterable

from wflo_otel.core.policy import Retry
from wflo_otel.core.retry import checked
from wflo_otel.errors import ConfigError, PolicyViolationError
from wflo_otel.seams.functions import inner_of, name_of
from wflo_otel.seams.retrying import Retrying

_PLACE = "with_retry"

Errors = type[Exception] | Iterable[type[Exception]]


def retrying_of(
    fn: object, retry: Retry, on: Errors | None, name: object, *, dead_letter: object
) -> Retrying:
    """Say how this function is tried again.

    Raises:
        ConfigError: an option is none that can be meant.
    """
    inner = inner_of(fn)
    component = f"{getattr(inner, '__module__', '')}:{getattr(inner, '__qualname__', '')}"
    shown = name_of(fn)
    if name is not None:
        component = shown = _name(name)
    if not isinstance(dead_letter, bool):
        raise ConfigError(f"{_PLACE}: dead_letter must be True or False, not {dead_letter!r}")
    classes = None if on is None else _on(on)
    return Retrying(checked(retry, _PLACE), shown, component, classes, dead_letter)


def _name(given: object) -> str:
    if isinstance(given, str) and given.strip() and given.isprintable():
        return given
    raise ConfigError(f"{_PLACE}: name must be printable text, not {given!r}")


def _on(given: object) -> tuple[type[Exception], ...]:
    classes = tuple(given) if isinstance(given, Iterable) else (given,)
    if not classes:
        raise ConfigError(f"{_PLACE}: on is empty: nothing would be tried again; leave it out")
    return tuple(_class(each) for each in classes)


def _class(each: object) -> type[Exception]:
    if not isinstance(each, type) or not issubclass(each, BaseException):
        raise ConfigError(f"{_PLACE}: on must name exception classes, not {each!r}")
    if issubclass(each, PolicyViolationError):
        raise ConfigError(
            f"{_PLACE}: on names {each.__name__}: what a policy stopped is never tried again"
        )
    if not issubclass(each, Exception):
        raise ConfigError(
            f"{_PLACE}: on names {each.__name__}: cancellations and interrupts are never tried "
            "again; name Exception, or classes under it"
        )
    return each
