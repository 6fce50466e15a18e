"""Requests of no route that is known: some look like a call to a model all the same.

The rule: unrelated traffic pays for a look at its headers, and where it is JSON for a scan of
its body; nothing is read that is not in memory already. A request is looked at once, whatever
passes it on below.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from contextvars import ContextVar, Token
from typing import Final
from urllib.parse import SplitResult, urlsplit

from wflo_otel.context import current_caller
from wflo_otel.core.call import Ask, Operation
from wflo_otel.core.value import value
from wflo_otel.engine import Refusal
from wflo_otel.seams.active import Active
from wflo_otel.seams.http.logical import carry
from wflo_otel.seams.http.span import span_for
from wflo_otel.seams.open_call import is_offered
from wflo_otel.seams.refusal import dress
from wflo_otel.wire.dialects import provider_of_model
from wflo_otel.wire.unrecognised import model_asked

_is_inside: ContextVar[bool] = ContextVar("wflo-stranger", default=False)
_PORTS: Final = {"http": 80, "https": 443}


@value
class Stranger:
    """A POST of JSON to an address that no route knows, before its body was looked at."""

    active: Active
    url: str

    def passing(self, body: object) -> AbstractContextManager[None]:
        """Look at the body, and let the request pass inside the block.

        ``body`` is its bytes, what they are made of, or ``None`` where it is not in memory.

        Raises:
            UnrecognisedCallError: it looks like a call to a model, and the policy refuses that.
        """
        model = model_asked(body)
        if model is not None and not is_offered():
            self._decide(model)
        return _Inside()

    def _decide(self, model: str) -> None:
        caller, parts = current_caller(), _parts(self.url)
        if caller is None or parts is None:
            return
        ask = Ask(Operation.CHAT, provider_of_model(model) or "", model)
        call = self.active.call(ask, caller)
        refusal = self.active.engine.strangers.seen(call, _host(parts), _path(parts))
        if refusal is not None:
            self._refuse(refusal, parts)

    def _refuse(self, refusal: Refusal, parts: SplitResult) -> None:
        """Refuse it on a span, as any other call."""
        span = span_for(self.active, refusal.call, parts.hostname, parts.port)
        error = dress(refusal.error())
        with span.current():
            self.active.engine.strangers.refused(refusal)
        span.failed(type(error).__name__)
        span.release()
        carry(error)
        raise error


def stranger(
    now: Active, method: str, url: str, raw: Iterable[tuple[bytes, bytes]]
) -> Stranger | None:
    """Say whether a request of no known route is to be looked at; ``raw`` are its headers."""
    if method != "POST" or _is_inside.get() or not _is_json(raw):
        return None
    return Stranger(now, url)


def _is_json(raw: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(b"json" in said.lower() for name, said in raw if name.lower() == b"content-type")


def _parts(url: str) -> SplitResult | None:
    """The parts of a URL; ``None`` where the library will refuse it."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # is read here for the first time
    except ValueError:
        return None
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return host if parts.port in {None, _PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def _path(parts: SplitResult) -> str:
    return "".join(each for each in parts.path if each.isprintable())


class _Inside(AbstractContextManager[None]):
    """A block in which exchanges belong to a request that was looked at."""

    __slots__ = ("_token",)
    _token: Token[bool]

    def __enter__(self) -> None:
        self._token = _is_inside.set(True)

    def __exit__(self, *raised: object) -> None:
        with suppress(ValueError):  # closed from another context, by a finalizer
            _is_inside.reset(self._token)
