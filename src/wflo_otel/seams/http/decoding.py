"""Undoing ``content-encoding``, for our own reading of bytes that pass unchanged.

The rule: what cannot be decoded is left unread, and the reader is told so; the bytes that the
caller gets are never touched.
"""

from __future__ import annotations

import sys
import zlib
from importlib import import_module
from typing import Protocol

#: More than this is not made of one piece of compressed data.
MAX_PIECE = 64 * 1024 * 1024


class UndecodableError(Exception):
    """The bytes are not what the header says, or nothing here can decode them."""


class Decoder(Protocol):
    """Decodes piece by piece."""

    def decode(self, data: bytes) -> bytes:
        """Take a piece; return what it says.

        Raises:
            UndecodableError: the piece is broken.
        """
        ...


class _Zlib:
    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    def decode(self, data: bytes) -> bytes:
        try:
            plain = self._inner.decompress(data, MAX_PIECE)
        except zlib.error as error:
            raise UndecodableError(str(error)) from error
        if self._inner.unconsumed_tail:
            raise UndecodableError("too large")
        return plain


class _Deflate:
    """``deflate`` means zlib's format (RFC 1950), and some servers send the bare one."""

    def __init__(self) -> None:
        self._inner: _Zlib | None = None
        self._head = b""

    def decode(self, data: bytes) -> bytes:
        if self._inner is not None:
            return self._inner.decode(data)
        self._head += data
        if len(self._head) < 2:
            return b""
        has_header = self._head[0] & 0x0F == 8 and int.from_bytes(self._head[:2], "big") % 31 == 0
        self._inner = _Zlib(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
        return self._inner.decode(self._head)


class _Foreign:
    """A decompressor of another library: any method that takes a piece and returns bytes."""

    def __init__(self, inner: object, method: str) -> None:
        self._decode = getattr(inner, method)

    def decode(self, data: bytes) -> bytes:
        try:
            return bytes(self._decode(data))
        except Exception as error:  # each library has an error class of its own
            raise UndecodableError(type(error).__name__) from error


class _Chain:
    def __init__(self, decoders: list[Decoder]) -> None:
        self._decoders = decoders

    def decode(self, data: bytes) -> bytes:
        for decoder in self._decoders:
            data = decoder.decode(data)
        return data


def decoder_for(encoding: str) -> Decoder | None:
    """Find what undoes a ``content-encoding`` header; ``None`` for an identity.

    Raises:
        UndecodableError: an encoding is unknown, or its library is not installed.
    """
    if not encoding:
        return None
    names = [name.strip().lower() for name in encoding.split(",")]
    decoders = [_one(name) for name in reversed(names) if name not in {"", "identity"}]
    if not decoders:
        return None
    return decoders[0] if len(decoders) == 1 else _Chain(decoders)


def _one(name: str) -> Decoder:
    match name:
        case "gzip" | "x-gzip":
            return _Zlib(zlib.MAX_WBITS | 16)
        case "deflate":
            return _Deflate()
        case "br":
            return _brotli()
        case "zstd":
            return _zstandard()
        case _:
            raise UndecodableError(name)


def _brotli() -> Decoder:
    for module in ("brotli", "brotlicffi"):
        try:
            inner = import_module(module).Decompressor()
        except ImportError:
            continue
        return _Foreign(inner, "process" if hasattr(inner, "process") else "decompress")
    raise UndecodableError("br")


def _zstandard() -> Decoder:
    modules = ("compression.zstd",) if sys.version_info >= (3, 14) else ()
    for module in (*modules, "backports.zstd", "zstandard"):
        try:
            found = import_module(module)
        except ImportError:
            continue
        made = found.ZstdDecompressor()
        return _Foreign(made.decompressobj() if module == "zstandard" else made, "decompress")
    raise UndecodableError("zstd")
