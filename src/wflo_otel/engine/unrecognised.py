"""Requests that look like a call to a model in an API that nobody knows.

The rule: none passes silently. Each is counted, each address is warned of once, and where the
policy says so it is refused. So many addresses are told apart, the rest are counted as one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from wflo_otel.core.call import Call
from wflo_otel.core.policy import Mode, Policy, Unrecognised
from wflo_otel.engine.notes import note
from wflo_otel.engine.permit import Refusal, unrecognised_refusal
from wflo_otel.engine.refusals import Refusals
from wflo_otel.ports import Adapters

#: So many addresses are told apart in a process.
MAX_ADDRESSES = 100
#: What stands for the addresses beyond.
OTHERS = "other addresses"

_MAX_CHARS = 200

log = logging.getLogger("wflo_otel")


class Strangers:
    """Counts them, and decides."""

    def __init__(
        self, policy: Callable[[], Policy], adapters: Adapters, refusals: Refusals
    ) -> None:
        self._policy = policy
        self._ports = adapters
        self._refusals = refusals
        self._known: set[str] = set()

    def seen(self, call: Call, host: str, path: str) -> Refusal | None:
        """Count a request, and say whether it is refused; ``None``: it may be sent.

        Whoever gets a refusal calls ``refused`` where the span of the call is current.
        """
        policy = self._policy()
        refuses = policy.unrecognised is Unrecognised.REFUSE
        is_refused = refuses and policy.mode is Mode.ENFORCE
        address = self._address(host, path, is_refused=is_refused)
        told_of = OTHERS if address == OTHERS else host
        self._ports.telemetry.unrecognised(told_of, refused=is_refused)
        note(self._ports, call, "unrecognised", address)
        refusal = unrecognised_refusal(call, address)
        if refuses and not is_refused:
            self._refusals.shown(refusal)
        return refusal if is_refused else None

    def refused(self, refusal: Refusal) -> None:
        """Count and tell a refusal."""
        self._refusals.refused(refusal)

    def _address(self, host: str, path: str, *, is_refused: bool) -> str:
        address = f"{host}{path}"[:_MAX_CHARS]
        if address in self._known:
            return address
        if len(self._known) >= MAX_ADDRESSES:
            return OTHERS
        self._known.add(address)
        log.warning(
            "wflo: requests to %s look like calls to a model in an API that wflo does not know; %s",
            address,
            "they are refused" if is_refused else "they are not charged",
        )
        return address
