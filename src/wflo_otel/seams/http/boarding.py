"""Whether a request is guarded at all, and what is known of it before its body is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from wflo_otel.context import current_caller
from wflo_otel.core.call import Ask
from wflo_otel.core.scope import Caller
from wflo_otel.core.value import value
from wflo_otel.seams.active import Active, active
from wflo_otel.seams.http import probe
from wflo_otel.seams.http.flight import Flight
from wflo_otel.seams.http.outgoing import Fields, Outgoing
from wflo_otel.seams.http.strangers import Stranger, stranger
from wflo_otel.wire.api import Route, RouteKind
from wflo_otel.wire.route import recognise

P = TypeVar("P", bound=Outgoing)

#: The APIs that take forms; of any other a form is something else's request.
_TAKE_FORMS = frozenset({"openai.images", "openai.audio"})


@value
class Boarding:
    """A request that is to be guarded, before its body was read."""

    active: Active
    route: Route
    caller: Caller
    fields: Fields

    def flight(self, parcel: P, attempt: int = 0) -> Flight[P] | None:
        """Read what is asked for; ``None``: it is not what its path says, so it is let pass.

        ``attempt``: how often the guard itself has sent it before.
        """
        if parcel.body is None:
            api, provider = self.route.api, self.route.provider_hint or ""
            ask: Ask | None = Ask(api.operation, provider, None, streaming=self.route.streaming)
        else:
            ask = self.route.api.ask(self.route, parcel.body)
        return None if ask is None else Flight(self, ask, parcel, attempt)


def board(
    method: str, url: object, raw: Iterable[tuple[bytes, bytes]]
) -> Boarding | Stranger | None:
    """Say whether a request is to be guarded, or looked at; ``raw`` are its headers."""
    now = active()
    if now is None or not now.guards:
        return None
    if method not in {"POST", "GET"}:
        if method == probe.METHOD:
            raise probe.ProbeArrived
        return None
    route = recognise(method, str(url))
    if route is None:
        return stranger(now, method, str(url), raw)
    if route.kind is RouteKind.FREE:
        return None
    fields, caller = Fields(raw), current_caller()
    if caller is None or not _is_readable(route, fields):
        return None
    return Boarding(now, route, caller, fields)


def _is_readable(route: Route, fields: Fields) -> bool:
    return fields.may_be_json or (fields.is_form and route.api.name in _TAKE_FORMS)
