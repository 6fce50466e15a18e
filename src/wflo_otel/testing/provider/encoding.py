"""Content encodings. Each chunk comes out at once, so that a stream stays a stream."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol


class Encoder(Protocol):
    """Encodes one body, piece by piece."""

    def encode(self, data: bytes) -> bytes:
        """Return everything that a reader needs to see ``data``."""
        ...

    def end(self) -> bytes:
        """Return what closes the body."""
        ...


class Identity:
    """Leaves a body as it is."""

    def encode(self, data: bytes) -> bytes:
        """Return the data."""
        return data

    def end(self) -> bytes:
        """Return nothing."""
        return b""


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._compressor = zlib.compressobj(wbits=window_bits)

    def encode(self, data: bytes) -> bytes:
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._compressor.flush()


class _Brotli:
    def __init__(self) -> None:
        self._compressor = import_module("brotli").Compressor(quality=1)

    def encode(self, data: bytes) -> bytes:
        return bytes(self._compressor.process(data) + self._compressor.flush())

    def end(self) -> bytes:
        return bytes(self._compressor.finish())


class _Zstandard:
    def __init__(self) -> None:
        library = import_module("zstandard")
        self._block = library.COMPRESSOBJ_FLUSH_BLOCK
        self._compressor = library.ZstdCompressor().compressobj()

    def encode(self, data: bytes) -> bytes:
        return bytes(self._compressor.compress(data) + self._compressor.flush(self._block))

    def end(self) -> bytes:
        return bytes(self._compressor.flush())


def _installed() -> Mapping[str, Callable[[], Encoder]]:
    encodings: dict[str, Callable[[], Encoder]] = {
        "gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
        "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    }
    optional: dict[str, tuple[str, Callable[[], Encoder]]] = {
        "br": ("brotli", _Brotli),
        "zstd": ("zstandard", _Zstandard),
    }
    for name, (library, make) in optional.items():
        if find_spec(library):
            encodings[name] = make
    return encodings


#: By name; the last two are there where ``brotli`` and ``zstandard`` are installed.
ENCODINGS = _installed()


def accepted(wanted: str | None, accept_encoding: str) -> str | None:
    """Return the wanted encoding where the request's ``Accept-Encoding`` allows it."""
    offers = {offer.partition(";")[0].strip() for offer in accept_encoding.split(",")}
    return wanted if wanted in offers or "*" in offers else None
