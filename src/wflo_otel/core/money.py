"""Money is whole numbers: nano-USD for amounts, pico-USD for the price of one token.

``Decimal`` US dollars stand at the API, ``float`` only on spans and metrics. An amount is
rounded up once, at the end of a call.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation

NANO_PER_USD = 1_000_000_000
PICO_PER_NANO = 1_000

#: Lua numbers are doubles; beyond this an amount would no longer be exact in Redis (9 M$).
MAX_NANO_USD = 2**53 - 1

_NANO = Decimal("1e-9")
_EXACT = Context(prec=28, traps=[InvalidOperation, Inexact])


def to_nano_usd(usd: Decimal | int | float | str) -> int:
    """Turn US dollars into nano-USD, exactly.

    A ``float`` means the decimal it prints as: ``0.1`` is ten cents.

    Raises:
        ValueError: it is no finite number, is negative, is finer than a nano-dollar,
            or is beyond 9 M$.
    """
    try:
        exact = Decimal(str(usd))
    except InvalidOperation:
        raise ValueError(f"{usd!r} is not an amount in US dollars") from None
    if not exact.is_finite() or not 0 <= exact <= to_usd(MAX_NANO_USD):
        raise ValueError(f"{usd!r} is not an amount between 0 and 9,000,000 US dollars")
    try:
        return int(exact.quantize(_NANO, context=_EXACT).scaleb(9))
    except Inexact:
        raise ValueError(f"{usd!r} is finer than a nano-dollar") from None


def to_usd(nano_usd: int) -> Decimal:
    """Turn nano-USD into US dollars, exactly."""
    return Decimal(nano_usd).scaleb(-9)


def ceil_nano(pico_usd: int) -> int:
    """Turn pico-USD into nano-USD, rounded up."""
    return -(-pico_usd // PICO_PER_NANO)


def format_usd(nano_usd: int, *, places: int = 4) -> str:
    """Write an amount for people: cents at least, never ``$0`` for a charge.

    >>> format_usd(1_020_500_000), format_usd(150), format_usd(2_000_000_000)
    ('$1.0205', '$0.00000015', '$2.00')
    """
    usd = to_usd(nano_usd)
    rounded = round(usd, places)
    exact = usd if nano_usd and not rounded else rounded
    digits, _, fraction = f"{exact:f}".partition(".")
    return f"${digits}.{fraction.rstrip('0').ljust(2, '0')}"
