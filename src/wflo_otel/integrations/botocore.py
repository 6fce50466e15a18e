"""``botocore``: each operation of a client is one span, however often it is retried.

Its one loop asks ``_needs_retry`` after each attempt. The rule: what the policy has decided there
holds in place of the client's own retries; the loop signs each attempt anew.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from wflo_otel.seams.http.logical import as_one_call, logical_call

_ASKS = "_needs_retry"


def install(endpoint: Any) -> None:
    """Guard ``botocore.endpoint``; called when it was imported. Idempotent."""
    as_one_call(endpoint.Endpoint, "_send_request")
    original = getattr(endpoint.Endpoint, _ASKS, None)
    if original is not None and original not in _guarded:
        guarded = _decided_by_policy(original)
        _guarded.add(guarded)
        setattr(endpoint.Endpoint, _ASKS, guarded)


_guarded: set[Callable[..., Any]] = set()


def _decided_by_policy(original: Callable[..., bool]) -> Callable[..., bool]:
    @wraps(original)
    def needs_retry(self: Any, *args: Any, **kwargs: Any) -> bool:
        call = logical_call()
        tries = None if call is None else call.tries
        if tries is None or tries.decided is None:
            return original(self, *args, **kwargs)
        pause_s = tries.decided.pause_s
        if pause_s is None:
            return False
        tries.active.clock.pause(pause_s)
        return True

    return needs_retry
