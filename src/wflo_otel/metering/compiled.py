"""One model's price as whole numbers: what a usage costs, in well under a microsecond.

The rule here: counts that contradict each other are clamped to what the totals allow, so that
a cost is never negative and pricing never raises. All rates are in pico-USD per token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wflo_otel.core.money import PICO_PER_NANO
from wflo_otel.core.policy import PriceOverride
from wflo_otel.core.usage import Usage
from wflo_otel.metering.fees import fee_unit
from wflo_otel.ports import Price


@dataclass(frozen=True, slots=True)
class Rates:
    """What one token of each kind costs. A kind without a price has that of its parent."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    input_audio: int
    cache_read_audio: int
    input_image: int
    reasoning: int
    output_audio: int
    output_image: int

    def dearest_input(self, cache_write: str) -> int:
        """The most an input token can cost before anything is cached, if so it is written.

        Audio counts where the model also speaks, for such a model is mostly asked by voice.
        """
        heard = self.input_audio if self.output_audio != self.output else 0
        written = self.cache_write if cache_write else 0
        longer = self.cache_write_1h if cache_write == "1h" else 0
        return max(self.input, written, longer, heard)

    @property
    def dearest_output(self) -> int:
        """The most an output token can cost."""
        return max(self.output, self.reasoning, self.output_audio, self.output_image)


@dataclass(slots=True)
class CompiledPrice:
    """A :class:`~wflo_otel.ports.Price`. Not to be changed once made.

    Args:
        base: the rates below every size tier.
        tiers: rates by the input size *above* which they hold, largest first. A tier is a
            cliff: all tokens of the call cost its rates.
        request: what each request costs beside its tokens, in pico-USD.
        fees: what one use of a tool on the provider's side costs, in pico-USD, by unit.
        beside: prices the models that :attr:`Usage.extra` names.
    """

    source: str
    model: str
    catalogue: str
    base: Rates
    beside: Callable[[str], Price] = field(repr=False)
    tiers: tuple[tuple[int, Rates], ...] = ()
    request: int = 0
    fees: Mapping[str, int] = field(default_factory=dict)

    def cost_pico(self, usage: Usage) -> int:
        """What this usage costs, in pico-USD."""
        total = usage.input_tokens
        rates = self.base if usage.summed or not self.tiers else self._rates(total)
        read, write = usage.cache_read_tokens, usage.cache_write_tokens
        hour = usage.cache_write_1h_tokens
        if read + write > total or hour > write or _is_mixed(rates, usage):
            return self._mixed(rates, usage)
        return (
            (total - read - write) * rates.input
            + read * rates.cache_read
            + (write - hour) * rates.cache_write
            + hour * rates.cache_write_1h
            + usage.output_tokens * rates.output
            + self.request
        )

    def input_pico(self, tokens: int, cache_write: str = "") -> int:
        """What an uncached input of this size costs at most, in pico-USD."""
        return tokens * self._rates(tokens).dearest_input(cache_write) + self.request

    def output_pico(self, input_tokens: int) -> int:
        """What one output token costs at most beside such an input, in pico-USD."""
        return self._rates(input_tokens).dearest_output

    def _rates(self, input_tokens: int) -> Rates:
        for start, rates in self.tiers:
            if input_tokens > start:
                return rates
        return self.base

    def _mixed(self, rates: Rates, usage: Usage) -> int:
        tools = sum(
            self.fees.get(fee_unit(name), 0) * max(0, uses) for name, uses in usage.server_tools
        )
        extra = sum(self.beside(each.model).cost_pico(each.usage) for each in usage.extra)
        return _input(rates, usage) + _output(rates, usage) + self.request + tools + extra


def _is_mixed(rates: Rates, usage: Usage) -> bool:
    return bool(
        usage.server_tools
        or usage.extra
        or usage.input_audio_tokens
        or usage.output_audio_tokens
        or usage.cache_read_audio_tokens
        or usage.input_image_tokens
        or usage.output_image_tokens
        or (usage.reasoning_tokens and rates.reasoning != rates.output)
    )


def _input(rates: Rates, usage: Usage) -> int:
    total = max(0, usage.input_tokens)
    read = min(usage.cache_read_tokens, total)
    hour = usage.cache_write_1h_tokens
    write = min(max(usage.cache_write_tokens, hour), total - read)
    hour = min(hour, write)
    audio = min(usage.input_audio_tokens, total)
    image = min(usage.input_image_tokens, total - audio)
    read_audio = min(usage.cache_read_audio_tokens, read, audio)
    fresh = total - read - write - audio - image + read_audio
    # Counts above the total: so many tokens are named twice without the provider saying which.
    # Each is charged once, at the dearer of its two rates.
    twice = max(0, -fresh)
    cheapest = min(rates.cache_read, rates.cache_write, rates.input_audio, rates.input_image)
    return (
        max(0, fresh) * rates.input
        + (read - read_audio) * rates.cache_read
        + (write - hour) * rates.cache_write
        + hour * rates.cache_write_1h
        + (audio - read_audio) * rates.input_audio
        + read_audio * rates.cache_read_audio
        + image * rates.input_image
        - twice * cheapest
    )


def _output(rates: Rates, usage: Usage) -> int:
    total = max(0, usage.output_tokens)
    audio = min(usage.output_audio_tokens, total)
    image = min(usage.output_image_tokens, total - audio)
    reasoning = min(usage.reasoning_tokens, total - audio - image)
    return (
        (total - audio - image - reasoning) * rates.output
        + audio * rates.output_audio
        + image * rates.output_image
        + reasoning * rates.reasoning
    )


def compile_override(
    override: PriceOverride,
    *,
    source: str,
    model: str,
    beside: Callable[[str], Price],
    fees: Mapping[str, int],
) -> CompiledPrice:
    """Turn a price of the user's own into a compiled one, for every size and kind of token."""
    read = _or(override.cache_read, override.input)
    write = _or(override.cache_write, override.input)
    rates = Rates(
        input=override.input,
        output=override.output,
        cache_read=read,
        cache_write=write,
        cache_write_1h=_or(override.cache_write_1h, write),
        input_audio=override.input,
        cache_read_audio=read,
        input_image=override.input,
        reasoning=override.output,
        output_audio=override.output,
        output_image=override.output,
    )
    return CompiledPrice(
        source=source,
        model=model,
        catalogue="policy",
        base=rates,
        beside=beside,
        request=override.request * PICO_PER_NANO,
        fees=fees,
    )


def _or(value: int | None, parent: int) -> int:
    return parent if value is None else value
