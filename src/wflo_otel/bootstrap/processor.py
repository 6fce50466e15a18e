"""The span processor as a product by itself: added to a provider, and nothing else."""

from __future__ import annotations

import logging

from wflo_otel.bootstrap.configuration import configure
from wflo_otel.bootstrap.policies import PolicySource, Usd
from wflo_otel.seams.active import active
from wflo_otel.seams.spans.processor import DecidingSpanProcessor

log = logging.getLogger("wflo_otel")


class PolicySpanProcessor(DecidingSpanProcessor):
    """Refuses and prices the calls that other instrumentations' spans tell of.

    >>> provider.add_span_processor(PolicySpanProcessor(policy="wflo.yaml"))  # doctest: +SKIP

    It needs neither the guard nor a decorator, patches nothing and sets up nothing of
    OpenTelemetry's. Where a configuration is in force already, that one decides.

    Args:
        policy: the path of a policy file, or a :class:`Policy`. Without one nothing is
            refused: calls are only counted.
        state: where budgets live, such as ``memory://`` (the default) or ``sqlite:///path``.
        budget_usd: US dollars for the run; the tighter of this and the policy holds.

    Raises:
        ConfigError: the policy, the state or the environment is wrong.
    """

    def __init__(
        self,
        policy: PolicySource = None,
        *,
        state: str | None = None,
        budget_usd: Usd | None = None,
    ) -> None:
        if active() is None:
            configure(policy, state, budget_usd=budget_usd, guard=False, providers=False)
        elif (policy, state, budget_usd) != (None, None, None):
            log.warning("wflo: a policy is in force already; the span processor's is not used")
