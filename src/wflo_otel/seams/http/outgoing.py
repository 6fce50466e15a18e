"""A request as the guard needs it, whichever library sends it.

The rule: the caller's own request stays as it is; what must be changed goes into a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, Self

#: No headers.
NONE: Final[Mapping[str, str]] = MappingProxyType({})
#: Asks for an answer that can be passed on event by event.
UNCOMPRESSED: Final[Mapping[str, str]] = MappingProxyType({"accept-encoding": "identity"})

_SIGNATURES = frozenset({b"x-amz-content-sha256", b"content-digest", b"digest"})
_NO_JSON = (b"multipart/", b"application/x-www-form-urlencoded", b"application/octet-stream")


class Outgoing(Protocol):
    """A request whose body was read, and that can still be sent."""

    @property
    def body(self) -> bytes | None:
        """``None``: it cannot be read, or is too large for it. Content: never shown."""
        ...

    @property
    def address(self) -> tuple[str | None, int | None]:
        """The host and the port that it goes to."""
        ...

    @property
    def never_sent(self) -> tuple[type[Exception], ...]:
        """The library's errors that prove that nothing left this machine."""
        ...

    def carries(self, request: object) -> bool:
        """Whether an exchange on the wire below the library's client is this request's."""
        ...

    def with_body(self, body: bytes, headers: Mapping[str, str] = NONE) -> Self:
        """The same request with another body, of a known length, and with these headers."""
        ...


class Fields:
    """What the guard wants to know of a request's headers, read in one pass."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._fields = {name.lower(): value for name, value in raw}

    @property
    def may_be_json(self) -> bool:
        """Whether the body may be JSON; clients that say nothing send JSON too."""
        return not self._fields.get(b"content-type", b"").lower().startswith(_NO_JSON)

    @property
    def is_form(self) -> bool:
        """Whether the body is a form of parts, as images and sound are sent."""
        return self._fields.get(b"content-type", b"").lower().startswith(b"multipart/form-data")

    @property
    def is_signed(self) -> bool:
        """Whether the body is covered by a signature: then no byte of it may change."""
        signs = self._fields.get(b"authorization", b"").startswith(b"AWS4-")
        return signs or not _SIGNATURES.isdisjoint(self._fields)

    @property
    def attempt(self) -> int:
        """Which attempt of one call this is, from 0, where the SDK says so."""
        count = self._fields.get(b"x-stainless-retry-count", b"")
        if not count and (told := self._fields.get(b"amz-sdk-request")) is not None:
            return max(0, _number(told.partition(b"attempt=")[2].partition(b";")[0]) - 1)
        return _number(count)


def _number(digits: bytes) -> int:
    return int(digits) if digits.isdigit() and len(digits) < 4 else 0
