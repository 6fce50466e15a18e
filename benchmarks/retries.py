"""What trying again costs: the wrapper around a call that succeeds, and an outage of one half.

tenacity and stamina are measured beside it where they are installed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from measure import Row, Side, Target, beside
from spans import bare_span

from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.retries import with_retry
from wflo_otel.testing import FakeClock

_ATTEMPTS = 3
_CALLS = 10_000
_MOST_EXTRA_PERCENT = 10.0

_Call = Callable[[], object]


def rows() -> list[Row]:
    """Time the wrappers, then count the calls of an outage."""
    with _configured():
        return [*_wrappers(), *_outages()]


@contextmanager
def _configured() -> Iterator[None]:
    configure(state="memory://", clock=FakeClock(), guard=False, providers=False)
    try:
        yield
    finally:
        shutdown()


def _wrappers() -> list[Row]:
    sides = {
        f"{name}: a call that succeeds": Side(wrap(_succeed)) for name, wrap in _wraps().items()
    }
    return beside(sides, "a bare span", Side(bare_span()))


def _outages() -> list[Row]:
    return [
        Row(
            f"{name}: extra calls while half of them fail",
            _extra_percent(wrap),
            "%",
            target=Target("most", _MOST_EXTRA_PERCENT) if name == "with_retry" else None,
        )
        for name, wrap in _wraps().items()
    ]


def _extra_percent(wrap: Callable[[_Call], _Call]) -> float:
    chance, made = random.Random(7), 0

    def call() -> None:
        nonlocal made
        made += 1
        if chance.random() < 0.5:
            raise TimeoutError

    wrapped = wrap(call)
    for _ in range(_CALLS):
        try:
            wrapped()
        except TimeoutError:
            continue
    return 100 * (made - _CALLS) / _CALLS


def _succeed() -> None:
    return None


def _wraps() -> dict[str, Callable[[_Call], _Call]]:
    """How each library makes the same three attempts, without pauses."""
    found: dict[str, Callable[[_Call], _Call]] = {
        "with_retry": with_retry(max_attempts=_ATTEMPTS, dead_letter=False)
    }
    if find_spec("tenacity"):
        found["tenacity"] = _tenacity()
    if find_spec("stamina"):
        found["stamina"] = _stamina()
    return found


def _tenacity() -> Any:
    import tenacity

    return tenacity.retry(
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        retry=tenacity.retry_if_exception_type(TimeoutError),
        wait=tenacity.wait_none(),
        reraise=True,
    )


def _stamina() -> Any:
    import stamina

    stamina.instrumentation.set_on_retry_hooks(())  # it would print each retry
    return stamina.retry(
        on=TimeoutError, attempts=_ATTEMPTS, wait_initial=0, wait_max=0, wait_jitter=0
    )
