"""Asking the state, where that it cannot answer is an answer too: told, counted, never raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from wflo_otel.core.admission import Reserve
from wflo_otel.core.decision import CircuitOpen, Exceeded, Granted, Queued, Stopped
from wflo_otel.core.policy import Policy
from wflo_otel.core.scope import Scope
from wflo_otel.engine.permit import Permit
from wflo_otel.engine.sizing import allows_state_errors
from wflo_otel.errors import StoreError
from wflo_otel.ports import Adapters, LedgerView

#: What the state says; its error, or ``None`` where the policy allows the call all the same.
StateAnswer: TypeAlias = Granted | Queued | Exceeded | Stopped | CircuitOpen | StoreError | None


class Asking:
    """Asks the state."""

    def __init__(self, policy: Callable[[], Policy], adapters: Adapters) -> None:
        self._policy = policy
        self._ports = adapters

    def admit(self, question: Permit, request: Reserve) -> StateAnswer:
        """The state's answer; its error, or ``None`` where the policy allows the call anyhow."""
        began = self._ports.clock.monotonic()
        try:
            return self._ports.state.admit(
                question.scopes, question.call, request, question.components
            )
        except StoreError as error:
            allowed = allows_state_errors(self._policy(), question)
            self._ports.telemetry.state_failed("admit", error, allowed=allowed)
            return None if allowed else error
        finally:
            elapsed = self._ports.clock.monotonic() - began
            self._ports.telemetry.state_latency("admit", elapsed)

    def ledgers(self, prefix: str) -> list[LedgerView]:
        """The ledgers whose key starts so; none where the state cannot answer."""
        try:
            return self._ports.state.ledgers(prefix)
        except StoreError as error:
            self._ports.telemetry.state_failed("ledgers", error, allowed=True)
            return []

    def stop_of(self, scopes: Iterable[Scope]) -> Stopped | None:
        """Which of these scopes was stopped."""
        for scope in scopes:
            for view in self.ledgers(scope.key):
                if view.key == scope.key and view.stopped is not None:
                    return Stopped(view.key, view.stopped)
        return None

    def is_forced_open(self, keys: Iterable[str]) -> bool:
        """Whether somebody has opened one of these circuits by hand."""
        try:
            return not self._ports.state.forced().isdisjoint(keys)
        except StoreError as error:
            self._ports.telemetry.state_failed("forced", error, allowed=True)
            return False
