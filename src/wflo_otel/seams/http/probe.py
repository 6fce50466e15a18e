"""Whether requests reach the guard: a request that is nobody's call and can never be sent.

The rule: a guarded method is called as it stands in its class, whoever has replaced it since,
for a client that is none. The guard answers by raising before anything is admitted; whatever
else comes of it means that the guard is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import Context
from types import SimpleNamespace
from typing import Any

from opentelemetry import context as otel_context

#: No client sends such a method, so no other request pays for looking.
METHOD = "WFLO-PROBE"
URL = "http://wflo.invalid/"

#: What instrumentations look for in the context before they tell of a request. The function
#: that OpenTelemetry has for it would load what takes 50 ms.
_SUPPRESSED = "suppress_instrumentation"


class ProbeArrived(BaseException):  # no error; nothing that catches errors may have it
    """The request of a probe has reached the guard."""


def client() -> SimpleNamespace:
    """What stands where a method expects its client: it has nothing to send with."""
    return SimpleNamespace(headers={})


def arrives(probe: Callable[[Any], object], method: object) -> bool:
    """Whether the request of a probe reaches the guard by this method.

    It is no part of what is being sent here, and instrumentations are asked not to tell of it.
    """
    return Context().run(_arrives, probe, method)


def _arrives(probe: Callable[[Any], object], method: object) -> bool:
    otel_context.attach(otel_context.set_value(_SUPPRESSED, True))
    try:
        made = probe(method)
        if isinstance(made, Coroutine):
            _step(made)
    except ProbeArrived:
        return True
    except Exception:  # noqa: BLE001  # a method that is not ours breaks on what is no client
        return False
    return False


def _step(made: Coroutine[Any, Any, object]) -> None:
    try:
        made.send(None)
    finally:
        made.close()
