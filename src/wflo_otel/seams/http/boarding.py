"""Whether a request is guarded at all, and what is known of it before its body is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wflo_otel.context import current_caller
from wflo_otel.core.call import Ask
from wflo_otel.core.scope import Caller
from wflo_otel.seams.active import Active, active
from wflo_otel.seams.http.flight import Flight
from wflo_otel.seams.http.library import Library
from wflo_otel.seams.http.request import Fields, Parcel
from wflo_otel.wire.api import Route, RouteKind
from wflo_otel.wire.route import recognise

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Boarding:
    """A request that is to be guarded, before its body was read."""

    active: Active
    route: Route
    caller: Caller
    library: Library
    fields: Fields

    def flight(self, parcel: Parcel) -> Flight | None:
        """Read what is asked for; ``None``: it is not what its path says, so it is let pass."""
        if parcel.body is None:
            api = self.route.api
            ask: Ask | None = Ask(api.operation, self.route.provider_hint or "", None)
        else:
            ask = self.route.api.ask(self.route, parcel.body)
        return None if ask is None else Flight(self, ask, parcel)


def board(library: Library, request: httpx.Request) -> Boarding | None:
    """Say whether a request is to be guarded."""
    now = active()
    if now is None or not now.guards or request.method not in {"POST", "GET"}:
        return None
    route = recognise(request.method, str(request.url))
    if route is None or route.kind is RouteKind.FREE:
        return None
    fields, caller = Fields(request.headers), current_caller()
    if caller is None or not fields.may_be_json:
        return None
    return Boarding(now, route, caller, library, fields)
