"""What an exception tells about a failed call, whoever raised it.

The rule: it is read by its attributes and by the classes of libraries that are loaded already;
nothing is imported, no message is read, and an attribute that raises is one that is not there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from email.message import Message
from typing import Any

from wflo_otel.core.retry import Failure, FailureKind
from wflo_otel.errors import PolicyViolationError
from wflo_otel.wire.retry_after import retry_after_s, should_retry

#: A connection that was refused, lost or timed out, by module and class. The first that fits
#: counts, so timeouts stand first. Sources: each library's own documentation of its errors.
_KINDS: tuple[tuple[FailureKind, str, tuple[str, ...]], ...] = (
    (FailureKind.TIMEOUT, "httpx", ("TimeoutException",)),
    (FailureKind.TIMEOUT, "httpx2", ("TimeoutException",)),
    (FailureKind.TIMEOUT, "openai", ("APITimeoutError",)),
    (FailureKind.TIMEOUT, "anthropic", ("APITimeoutError",)),
    (FailureKind.TIMEOUT, "groq", ("APITimeoutError",)),
    (FailureKind.TIMEOUT, "requests.exceptions", ("Timeout",)),
    (FailureKind.TIMEOUT, "urllib3.exceptions", ("TimeoutError",)),
    (FailureKind.TIMEOUT, "botocore.exceptions", ("ConnectTimeoutError", "ReadTimeoutError")),
    (FailureKind.CONNECTION, "httpx", ("NetworkError", "RemoteProtocolError", "ProxyError")),
    (FailureKind.CONNECTION, "httpx2", ("NetworkError", "RemoteProtocolError", "ProxyError")),
    (FailureKind.CONNECTION, "openai", ("APIConnectionError",)),
    (FailureKind.CONNECTION, "anthropic", ("APIConnectionError",)),
    (FailureKind.CONNECTION, "groq", ("APIConnectionError",)),
    (FailureKind.CONNECTION, "requests.exceptions", ("ConnectionError", "ChunkedEncodingError")),
    (FailureKind.CONNECTION, "urllib3.exceptions", ("ProtocolError", "NewConnectionError")),
    (FailureKind.CONNECTION, "aiohttp", ("ClientConnectionError", "ClientPayloadError")),
    (FailureKind.CONNECTION, "botocore.exceptions", ("HTTPClientError", "ConnectionError")),
    (FailureKind.CONNECTION, "http.client", ("IncompleteRead",)),
    (FailureKind.CONNECTION, "socket", ("gaierror",)),
)
#: Marks an error that the guard has tried again as often as it may.
_IS_FINAL = "_wflo_is_final"
_STATUSES = range(100, 600)
#: A chain that is longer than this is no chain of causes.
_LONGEST_CHAIN = 32


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, outermost first."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen and len(seen) < _LONGEST_CHAIN:
        seen.add(id(found))
        yield found
        found = found.__cause__


def is_refusal(error: BaseException) -> bool:
    """Whether a policy stopped the call, also where a library has wrapped that."""
    return any(isinstance(each, PolicyViolationError) for each in chain_of(error))


def mark_final(error: Exception) -> None:
    """Let nobody here try again what this error ended."""
    setattr(error, _IS_FINAL, True)


def failure_of(error: Exception, now: float) -> Failure:
    """The facts that an exception tells; ``now`` is in seconds since the epoch."""
    status = _status(error)
    headers = _headers(error)
    code = _get(error, "code")
    return Failure(
        FailureKind.STATUS if status is not None else _kind(error),
        status,
        code if isinstance(code, str) else None,
        retry_after_s(headers, status=status, now=now),
        False if _is_final(error) else should_retry(headers),
    )


def _is_final(error: Exception) -> bool:
    return any(_get(each, _IS_FINAL) is True for each in chain_of(error))


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, TimeoutError):
        return FailureKind.TIMEOUT
    if isinstance(error, ConnectionError):
        return FailureKind.CONNECTION
    for kind, module, names in _KINDS:
        loaded = sys.modules.get(module)
        if loaded is not None and any(_is_one(error, loaded, name) for name in names):
            return kind
    reason = _get(error, "reason")  # urllib's URLError tells of another one so
    return _kind(reason) if isinstance(reason, OSError) else FailureKind.OTHER


def _is_one(error: Exception, module: object, name: str) -> bool:
    known = _get(module, name)
    return isinstance(known, type) and isinstance(error, known)


def _status(error: Exception) -> int | None:
    response = _get(error, "response")
    told = (
        _get(error, "status_code"),
        _get(response, "status_code"),
        _botocore(response).get("HTTPStatusCode"),
        _get(error, "status"),
        _get(error, "code"),
    )
    return next((int(each) for each in told if isinstance(each, int) and each in _STATUSES), None)


def _headers(error: Exception) -> dict[str, str]:
    """The response's headers, by lower-case name."""
    response = _get(error, "response")
    told = (
        _get(response, "headers"),
        _botocore(response).get("HTTPHeaders"),
        _get(error, "headers"),
    )
    for each in told:
        if isinstance(each, Mapping | Message):
            return {str(name).lower(): str(value) for name, value in each.items()}
    return {}


def _botocore(response: object) -> Mapping[str, Any]:
    """What botocore keeps of an HTTP response."""
    found = response.get("ResponseMetadata") if isinstance(response, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _get(value: object, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001  # a property of somebody else's class
        return None
