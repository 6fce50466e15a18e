"""What pricing one call costs, once its model is known."""

from __future__ import annotations

import time
from statistics import median

from measure import Row, Side, Target, interleaved

from wflo_otel.core.policy import Prices
from wflo_otel.core.usage import Usage
from wflo_otel.metering.prices import CataloguePrices
from wflo_otel.ports import Price

_PRICES = Prices()
_CACHED = Usage(input_tokens=1_200, output_tokens=300, cache_read_tokens=1_024)
_MIXED = Usage(
    input_tokens=1_200,
    output_tokens=300,
    input_audio_tokens=200,
    cache_read_tokens=128,
    reasoning_tokens=100,
    server_tools=(("web_search", 1),),
)


def rows() -> list[Row]:
    """Look a price up, and price a usage with it."""
    book, at = CataloguePrices(), time.time()

    def found() -> Price:
        price = book.price("openai", "gpt-4o", at=at, prices=_PRICES)
        assert price is not None
        return price

    known = found()
    sides = {
        "price of a call (look up + cost)": Side(lambda: found().cost_pico(_CACHED)),
        "… cost alone": Side(lambda: known.cost_pico(_CACHED)),
        "… with audio, reasoning and a server tool": Side(lambda: known.cost_pico(_MIXED)),
    }
    target = Target("most", 1.0)
    times = interleaved(sides)
    return [
        Row(what, median(each), "µs", target=target if at == 0 else None)
        for at, (what, each) in enumerate(times.items())
    ]
