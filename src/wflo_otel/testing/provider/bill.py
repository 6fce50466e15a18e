"""The provider's own bill, computed beside the guard's ledger and without its code.

Prices are US dollars per million tokens, from the providers' public price lists as of
November 2026. A call is rounded up to a whole nano-dollar, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import ROUND_UP, Decimal

_NANO_USD = Decimal("0.000000001")
_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call used: ``input`` includes cached and cache-write tokens, ``output`` reasoning.

    Cache writes are five-minute ones.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens; a cached or written token without a price is plain input."""

    input: Decimal
    output: Decimal = Decimal(0)
    cached: Decimal | None = None
    cache_write: Decimal | None = None

    def cost(self, tokens: Tokens, share: Decimal = Decimal(1)) -> Decimal:
        """Return US dollars for this share of the price, rounded up to a nano-dollar."""
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_write is None else self.cache_write
        plain = tokens.input - tokens.cached - tokens.cache_write
        total = (
            plain * self.input
            + tokens.cached * cached
            + tokens.cache_write * written
            + tokens.output * self.output
        )
        return (total * share / 1_000_000).quantize(_NANO_USD, rounding=ROUND_UP)


def _price(*usd: str) -> Price:
    return Price(*(Decimal(each) for each in usd))


#: A dated name (``gpt-4o-2024-08-06``) has the price of its family unless it stands here itself.
PRICES: dict[str, Price] = {
    "gpt-4o": _price("2.50", "10", "1.25"),
    "gpt-4o-2024-05-13": _price("5", "15"),
    "gpt-4o-mini": _price("0.15", "0.60", "0.075"),
    "gpt-4.1": _price("2", "8", "0.50"),
    "gpt-4.1-mini": _price("0.40", "1.60", "0.10"),
    "gpt-4.1-nano": _price("0.10", "0.40", "0.025"),
    "gpt-5": _price("1.25", "10", "0.125"),
    "gpt-5-mini": _price("0.25", "2", "0.025"),
    "gpt-5-nano": _price("0.05", "0.40", "0.005"),
    "gpt-5.1": _price("1.25", "10", "0.125"),
    "o3": _price("2", "8", "0.50"),
    "o4-mini": _price("1.10", "4.40", "0.275"),
    "gpt-3.5-turbo-instruct": _price("1.50", "2"),
    "gemini-2.5-flash": _price("0.30", "2.50", "0.03"),
    "amazon.nova-lite-v1:0": _price("0.06", "0.24", "0.015"),
    "command-a-03-2025": _price("2.50", "10"),
    "embed-v4.0": _price("0.12"),
    "text-embedding-3-small": _price("0.02"),
    "text-embedding-3-large": _price("0.13"),
    "claude-sonnet-4-5": _price("3", "15", "0.30", "3.75"),
    "claude-haiku-4-5": _price("1", "5", "0.10", "1.25"),
    "claude-opus-4-1": _price("15", "75", "1.50", "18.75"),
    "claude-opus-4-5": _price("5", "25", "0.50", "6.25"),
}

#: From more than this many input tokens, all tokens of the call have the other price.
LONG_CONTEXT: dict[str, tuple[int, Price]] = {
    "claude-sonnet-4-5": (200_000, _price("6", "22.50", "0.60", "7.50")),
}


def price_of(model: str, input_tokens: int = 0) -> Price | None:
    """Find the price of a model for an input of this size; ``None`` for a model not listed."""
    name = model if model in PRICES else _DATE.sub("", model)
    start, long_price = LONG_CONTEXT.get(name, (0, None))
    if long_price is not None and input_tokens > start:
        return long_price
    return PRICES.get(name)


@dataclass(slots=True)
class BilledCall:
    """One answered call. It grows while its stream is sent."""

    model: str
    endpoint: str
    tokens: Tokens
    #: The client left before it had everything.
    disconnected: bool = False
    #: The share of the price that is charged: half of it in a batch.
    share: Decimal = Decimal(1)

    @property
    def cost_usd(self) -> Decimal:
        """US dollars so far; zero for a model that the bill has no price for."""
        price = price_of(self.model, self.tokens.input)
        return price.cost(self.tokens, self.share) if price else Decimal(0)

    def start_stream(self) -> None:
        """Count no output before it is sent."""
        self.tokens = replace(self.tokens, output=0)

    def add_output(self, tokens: int) -> None:
        """Count output that was sent."""
        self.tokens = replace(self.tokens, output=self.tokens.output + tokens)


@dataclass(slots=True)
class Bill:
    """What the provider charges. Failed requests are counted and cost nothing."""

    #: Requests that ask a model for something, answered or not; counting tokens is free.
    requests: int = 0
    #: Answered calls in the order in which they began.
    entries: list[BilledCall] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How many calls were answered and charged."""
        return len(self.entries)

    @property
    def total_usd(self) -> Decimal:
        """US dollars for all calls."""
        return sum((entry.cost_usd for entry in tuple(self.entries)), Decimal(0))

    @property
    def by_model(self) -> dict[str, Decimal]:
        """US dollars by the model that answered."""
        sums: dict[str, Decimal] = {}
        for entry in tuple(self.entries):
            sums[entry.model] = sums.get(entry.model, Decimal(0)) + entry.cost_usd
        return sums

    @property
    def disconnected(self) -> int:
        """How many calls lost their client before it had everything."""
        return sum(entry.disconnected for entry in tuple(self.entries))

    @property
    def unpriced(self) -> int:
        """How many calls went to a model that the bill has no price for."""
        return sum(price_of(entry.model) is None for entry in tuple(self.entries))

    def as_json(self) -> dict[str, object]:
        """Return the bill as plain data, money as strings."""
        return {
            "requests": self.requests,
            "calls": self.calls,
            "total_usd": f"{self.total_usd:f}",
            "by_model": {model: f"{usd:f}" for model, usd in self.by_model.items()},
            "disconnected": self.disconnected,
            "unpriced": self.unpriced,
            "entries": list(self._entries_as_json()),
        }

    def _entries_as_json(self) -> Iterator[dict[str, object]]:
        for entry in tuple(self.entries):
            yield {
                "model": entry.model,
                "endpoint": entry.endpoint,
                "input_tokens": entry.tokens.input,
                "output_tokens": entry.tokens.output,
                "cached_tokens": entry.tokens.cached,
                "cache_write_tokens": entry.tokens.cache_write,
                "reasoning_tokens": entry.tokens.reasoning,
                "cost_usd": f"{entry.cost_usd:f}",
                "disconnected": entry.disconnected,
            }
