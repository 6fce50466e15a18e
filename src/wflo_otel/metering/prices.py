"""The price book: the policy's own prices over the bundled catalogue.

The rule here: a price is compiled once and then only looked up. A hit takes no lock and is no
I/O; the catalogue is imported at the first miss, or ahead of it by :meth:`warm`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from wflo_otel.core.policy import PriceOverride, Prices
from wflo_otel.metering import catalogue
from wflo_otel.metering.bounded import Recent
from wflo_otel.metering.catalogue import Listed
from wflo_otel.metering.compiled import CompiledPrice, compile_override
from wflo_otel.metering.fees import dearest_fees, fees_of
from wflo_otel.metering.names import catalogue_id
from wflo_otel.ports import Price

#: Longer names are nobody's model: they are not looked up, nor kept.
_LONGEST_NAME = 512

#: Policies whose prices are kept compiled at a time; a program has one, or a few in tests.
_POLICIES = 16


@dataclass(frozen=True, slots=True)
class _Entry:
    """A price, or that there is none, from one time to before another."""

    price: CompiledPrice | None
    since: float
    until: float


@dataclass(slots=True)
class _Book:
    """What was compiled under one policy's prices."""

    prices: Prices
    entries: Recent[tuple[str, str, str | None], _Entry]
    fallback: Price | None = field(default=None)


class CataloguePrices:
    """A :class:`~wflo_otel.ports.PriceBook` over ``genai-prices``.

    Args:
        capacity: how many prices (and unknown names) are kept compiled, per policy.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._books: dict[int, _Book] = {}
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Import the catalogue now, so that no call waits for it."""
        catalogue.load()

    def price(
        self,
        provider: str,
        model: str,
        *,
        at: float,
        prices: Prices,
        service_tier: str | None = None,
    ) -> Price | None:
        """Find a price; ``None`` where nobody knows one.

        An override goes before the catalogue, ``provider/model`` before the model alone. In
        the catalogue what an alias stands for goes first: it says what the catalogue does not
        know, or gets wrong. ``at`` is in seconds since the epoch. A service tier that nobody
        sells costs the standard price.
        """
        book = self._books.get(id(prices))
        if book is None or book.prices is not prices:
            book = self._open(prices)
        key = (provider, model, service_tier)
        entry = book.entries.get(key)
        if entry is not None and entry.since <= at < entry.until:
            return entry.price
        if len(provider) + len(model) + len(service_tier or "") > _LONGEST_NAME:
            return None
        entry = self._look_up(prices, provider, model, service_tier, at)
        book.entries.put(key, entry)
        return entry.price

    def fallback(self, prices: Prices) -> Price:
        """The pessimistic price: the policy's own, else the dearest chat model there is."""
        book = self._books.get(id(prices))
        if book is None or book.prices is not prices:
            book = self._open(prices)
        if book.fallback is None:
            book.fallback = self._pessimistic(prices)
        return book.fallback

    def _open(self, prices: Prices) -> _Book:
        """Begin a book. It holds ``prices``, so that its id stays theirs."""
        book = _Book(prices, Recent(self._capacity))
        with self._lock:
            while len(self._books) >= _POLICIES:
                del self._books[next(iter(self._books))]
            self._books[id(prices)] = book
        return book

    def _look_up(
        self, prices: Prices, provider: str, model: str, service_tier: str | None, at: float
    ) -> _Entry:
        beside = partial(self._beside, prices, provider, service_tier, at)
        alias = prices.aliases.get(f"{provider}/{model}", prices.aliases.get(model, model))
        for name in dict.fromkeys((model, alias)):
            if (override := _override(prices, provider, name)) is not None:
                fees = fees_of(catalogue_id(provider))
                price = compile_override(
                    override, source="override", model=name, beside=beside, fees=fees
                )
                return _Entry(price, -math.inf, math.inf)
        for name in dict.fromkeys((alias, model)):
            listed = catalogue.load().find(provider, name, service_tier, at)
            if listed is not None:
                return _Entry(_from(listed, "price", beside), listed.since, listed.until)
        return _Entry(None, -math.inf, math.inf)

    def _beside(
        self, prices: Prices, provider: str, service_tier: str | None, at: float, model: str
    ) -> Price:
        found = self.price(provider, model, at=at, prices=prices, service_tier=service_tier)
        return found or self.fallback(prices)

    def _pessimistic(self, prices: Prices) -> Price:
        def beside(model: str) -> Price:
            return self.fallback(prices)

        if prices.fallback is None:
            dearest = replace(catalogue.load().dearest(), fees=dearest_fees())
            return _from(dearest, "fallback", beside)
        return compile_override(
            prices.fallback, source="fallback", model="fallback", beside=beside, fees=dearest_fees()
        )


def _override(prices: Prices, provider: str, model: str) -> PriceOverride | None:
    for name in (f"{provider}/{model}", f"{catalogue_id(provider)}/{model}", model):
        if name in prices.overrides:
            return prices.overrides[name]
    return None


def _from(listed: Listed, source: str, beside: Callable[[str], Price]) -> CompiledPrice:
    return CompiledPrice(
        source=source,
        model=listed.model,
        catalogue=catalogue.load().name,
        base=listed.base,
        beside=beside,
        tiers=listed.tiers,
        request=listed.request,
        fees=listed.fees,
    )
