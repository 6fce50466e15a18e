"""What calls cost, and how many tokens they have."""

from __future__ import annotations

from typing import Protocol

from wflo_otel.core.call import Ask
from wflo_otel.core.policy import Prices
from wflo_otel.core.usage import Usage
from wflo_otel.core.value import value


class Price(Protocol):
    """What one model costs at one time, compiled. Pure and fast."""

    #: ``price``, ``fallback`` or ``override``.
    source: str
    #: What it is the price of, as the catalogue names it, and the catalogue's version.
    model: str
    catalogue: str

    def cost_pico(self, usage: Usage) -> int:
        """What this usage costs, in pico-USD. Never raises, never negative."""
        ...

    def input_pico(self, tokens: int, cache_write: str = "") -> int:
        """What an uncached input of this size costs at most.

        ``cache_write``: for how long it may be written to the provider's cache, ``5m`` or
        ``1h``; empty where it is not.
        """
        ...

    def output_pico(self, input_tokens: int) -> int:
        """What one output token costs at most beside such an input. Both are pico-USD."""
        ...


class PriceBook(Protocol):
    """Prices by model and time. Called from any thread; no I/O on this path."""

    def price(
        self,
        provider: str,
        model: str,
        *,
        at: float,
        prices: Prices,
        service_tier: str | None = None,
    ) -> Price | None:
        """Find a price; ``None`` where nobody knows one. ``prices`` overlay the catalogue."""
        ...

    def fallback(self, prices: Prices) -> Price:
        """The pessimistic price for a model that has none."""
        ...


@value
class Estimate:
    """Tokens that a call is expected to use, and at most."""

    expected: int
    upper: int
    #: Both before they were corrected by what earlier calls taught; ``None`` where unknown.
    untaught: tuple[float, float] | None = None


class TokenEstimator(Protocol):
    """Token counts before the provider has told. No network, no download, sub-millisecond."""

    def input_tokens(self, ask: Ask) -> Estimate:
        """Estimate the input."""
        ...

    def output_tokens(self, model: str | None, chars: int, chunks: int) -> int:
        """Estimate an output of which this much text, in so many chunks, was seen."""
        ...

    def max_output(self, provider: str, model: str | None) -> int:
        """The most tokens that the model gives in one choice."""
        ...

    def needed_output(self, ask: Ask, agent: str | None) -> int | None:
        """The least output that calls like this are known to need; ``None`` before it is known."""
        ...

    def expected_output(self, ask: Ask, agent: str | None) -> int | None:
        """The 99th percentile of outputs of calls like this; ``None`` before it is known."""
        ...

    def learn(
        self,
        ask: Ask,
        agent: str | None,
        usage: Usage,
        *,
        whole: bool,
        estimate: Estimate | None = None,
    ) -> None:
        """Correct later estimates by what a call used.

        ``whole``: it ended by itself. ``estimate``: what was estimated of this ``ask`` before,
        so that it need not be sized again.
        """
        ...
