"""The bundled data of ``genai-prices``, read as compiled rates.

The rule here: the catalogue is data only. It is imported when first asked, never updated from
a network, asked by provider id and model (never by URL), and none of its own caches, which
grow without a bound, is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from wflo_otel.metering.compiled import Rates
from wflo_otel.metering.fees import FEE_UNITS, fees_of
from wflo_otel.metering.names import catalogue_id, renamed

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

    _Listing = Decimal | TieredPrices

_PICO_PER_USD = 10**12
_DAY = timedelta(days=1)

#: Audio prices that the catalogue lacks, as its own keys hold them ($ per million tokens).
#: Source: OpenAI's public model pages.
_AUDIO = {
    "gpt-4o-audio-preview": (Decimal(40), Decimal(80)),
    "gpt-4o-mini-audio-preview": (Decimal(10), Decimal(20)),
}

#: Those who sell their own models. The pessimistic price is taken from them, and a broker's
#: prefix before one of their models says nothing of its price.
_VENDORS = ("openai", "anthropic", "google", "x-ai", "mistral", "deepseek", "cohere")


@dataclass(frozen=True, slots=True)
class Listed:
    """What the catalogue says of a model at a time.

    It holds for times from ``since`` to before ``until``, in seconds since the epoch.
    """

    model: str
    base: Rates
    tiers: tuple[tuple[int, Rates], ...]
    request: int
    fees: Mapping[str, int]
    since: float
    until: float


class Catalogue:
    """All providers and models, with their dated prices."""

    def __init__(self) -> None:
        from genai_prices import __version__
        from genai_prices.data import providers

        self.name = f"genai-prices {__version__}"
        self._providers = providers
        self._by_id = {provider.id: provider for provider in providers}

    def find(self, provider: str, model: str, service_tier: str | None, at: float) -> Listed | None:
        """Find a model's price at a time; ``None`` where the catalogue has none in tokens."""
        for seller, name in self._sellers(provider, model.lower()):
            found = seller.find_model(renamed(seller.id, name), all_providers=self._providers)
            if found is not None:
                return _listed(seller, found, service_tier, at)
        return None

    def dearest(self) -> Listed:
        """The chat model whose output, and then input, costs most of what vendors sell now.

        All announced price changes count as having come.
        """
        last = datetime.max.replace(tzinfo=UTC) - _DAY
        found = [
            listed
            for vendor in _VENDORS
            for model in self._by_id[vendor].models
            if not model.deprecated
            and (listed := _compiled(self._by_id[vendor], model, model.get_prices(last)))
            is not None
        ]
        return max(found, key=lambda each: (each.base.output, each.base.input, each.model))

    def _sellers(self, provider: str, model: str) -> Iterator[tuple[Provider, str]]:
        """Whose price it may be, likeliest first, and the model's name there."""
        known = self._by_id.get(catalogue_id(provider))
        vendor, _, bare = model.partition("/")
        named = self._by_id.get(catalogue_id(vendor)) if bare else None
        if known is not None:
            yield known, model
            if bare and (named is known or known.id in _VENDORS):
                yield known, bare
            return
        if named is not None:
            yield named, bare
        name = bare or model
        for seller in self._providers:
            if seller.model_match is not None and seller.model_match.is_match(name):
                yield seller, name


@cache
def load() -> Catalogue:
    """Import the catalogue (some 0.3 s, once)."""
    return Catalogue()


def _listed(
    seller: Provider, model: ModelInfo, service_tier: str | None, at: float
) -> Listed | None:
    when = datetime.fromtimestamp(at, UTC)
    price = model.get_prices(when, _context(seller, model, service_tier))
    since, until = _window(model, when)
    return _compiled(seller, model, price, since=since, until=until)


def _context(seller: Provider, model: ModelInfo, service_tier: str | None) -> dict[str, str] | None:
    """The catalogue's keys for a service tier; an unknown tier matches none of its variants.

    Where a seller's model is borrowed from its vendor (Azure's from OpenAI), the vendor's
    surcharges hold as well, its discounts may not.
    """
    if service_tier is None:
        return None
    borrowed = not any(model is own for own in seller.models)
    if borrowed and service_tier not in {"priority", "fast"}:
        return None
    return {"service_tier": service_tier, "processing": service_tier, "speed": service_tier}


def _window(model: ModelInfo, when: datetime) -> tuple[float, float]:
    """From when to when no price of the model changes: at most the day, for dates begin at
    midnight UTC, and less where prices go by the time of day."""
    day = datetime.combine(when.date(), time(), UTC)
    inside = [datetime.combine(day, _utc(each, when.date()), UTC) for each in _times(model)]
    points = [day, day + _DAY, *inside]
    since = max(point for point in points if point <= when)
    until = min(point for point in points if point > when)
    return since.timestamp(), until.timestamp()


def _times(model: ModelInfo) -> Iterator[time]:
    dated = model.prices if isinstance(model.prices, list) else []
    for constraint in (each.constraint for each in (*dated, *(model.price_variants or ()))):
        if (start := getattr(constraint, "start_time", None)) is not None:
            yield start
            yield getattr(constraint, "end_time", start)


def _utc(of_day: time, day: date) -> time:
    if of_day.tzinfo is None:
        return of_day
    return datetime.combine(day, of_day).astimezone(UTC).time()


def _compiled(
    seller: Provider,
    model: ModelInfo,
    price: ModelPrice,
    *,
    since: float = float("-inf"),
    until: float = float("inf"),
) -> Listed | None:
    listed = {key: value for key, value in vars(price).items() if value is not None}
    if model.id in _AUDIO:
        heard, spoken = _AUDIO[model.id]
        listed = {"input_audio_mtok": heard, "output_audio_mtok": spoken} | listed
    if "input_mtok" not in listed and not model.id.endswith(":free"):
        return None
    starts = {tier.start for value in listed.values() for tier in getattr(value, "tiers", ())}
    return Listed(
        model=model.id,
        base=_rates(listed, 0),
        tiers=tuple((start, _rates(listed, start + 1)) for start in sorted(starts, reverse=True)),
        request=_of_a_thousand(listed.get("requests_kcount")),
        fees=dict(fees_of(seller.id))
        | {
            unit: _of_a_thousand(listed[f"{unit}_kcount"])
            for unit in FEE_UNITS
            if f"{unit}_kcount" in listed
        },
        since=since,
        until=until,
    )


def _rates(listed: Mapping[str, _Listing], total_input: int) -> Rates:
    def rate(key: str, parent: int) -> int:
        value = listed.get(f"{key}_mtok")
        return parent if value is None else _per_token(_at_size(value, total_input))

    fresh, output = rate("input", 0), rate("output", 0)
    read, write = rate("cache_read", fresh), rate("cache_write", fresh)
    audio = rate("input_audio", fresh)
    return Rates(
        input=fresh,
        output=output,
        cache_read=read,
        cache_write=write,
        cache_write_1h=rate("cache_write_1h", write),
        input_audio=audio,
        cache_read_audio=rate("cache_audio_read", audio if "input_audio_mtok" in listed else read),
        input_image=rate("input_image", fresh),
        reasoning=rate("output_reasoning", output),
        output_audio=rate("output_audio", output),
        output_image=rate("output_image", output),
    )


def _at_size(value: _Listing, total_input: int) -> Decimal:
    if isinstance(value, Decimal):
        return value
    reached = [tier.price for tier in value.tiers if total_input > tier.start]
    return reached[-1] if reached else value.base


def _per_token(usd_per_million: Decimal) -> int:
    return round(usd_per_million * _PICO_PER_USD / 1_000_000)


def _of_a_thousand(usd: _Listing | None) -> int:
    return 0 if usd is None else round(_at_size(usd, 0) * _PICO_PER_USD / 1_000)
